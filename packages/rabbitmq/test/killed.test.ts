import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { openPeer, sharedUrl } from './scene.ts';

/** The end of a killed process's connection is seen at once; the rest is for a busy machine. In ms. */
const BOUND_MS = 5000;

test(
  '200 holders are killed in a row: tokens grow, and nobody waits longer than the bound',
  { timeout: 120_000 },
  async () => {
    const url = await sharedUrl();
    const name = randomUUID();
    const tokens: bigint[] = [];
    const waits: number[] = [];
    // Four stand in line at any time, so that the next one need not be started first.
    let left = 200;
    let killedAt = performance.now();
    const one = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const peer = await openPeer(url);
        const lock = await peer.acquire(name, { ttl: 1000 });
        waits.push(performance.now() - killedAt);
        tokens.push(lock.fencingToken);
        const gone = peer.kill();
        killedAt = performance.now();
        await gone;
      }
    };
    await Promise.all([one(), one(), one(), one()]);
    expect(tokens).toHaveLength(200);
    expect(tokens.every((token, i) => i === 0 || token > (tokens[i - 1] as bigint))).toBe(true);
    expect(Math.max(...waits)).toBeLessThan(BOUND_MS);
  },
);
