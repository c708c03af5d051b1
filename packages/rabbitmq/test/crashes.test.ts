import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { cutAfter } from './cut-after.ts';
import { open, openPeer, sharedUrl } from './scene.ts';

/** What a killed holder's lock may take until the next one has it: the broker sees the end of its connection. In ms. */
const BOUND_MS = 3000 + 2000;

test('a holder frozen past two heartbeats is replaced; awake again, it knows', async () => {
  const url = await sharedUrl();
  const [peer, locks] = [await openPeer(url), await open(url)];
  const name = randomUUID();
  const frozen = await peer.acquire(name, { ttl: '1s' });
  const waits = locks.acquire(name);
  await peer.freeze();
  const frozenAt = performance.now();
  const next = await waits;
  const took = performance.now() - frozenAt;
  // Its heartbeat is a second, and it sent something at most a third of its ttl ago.
  expect(took).toBeGreaterThan(1500);
  expect(took).toBeLessThan(BOUND_MS);
  expect(next.fencingToken).toBeGreaterThan(frozen.fencingToken);
  peer.thaw();
  expect(await frozen.look()).toEqual({ held: false, aborted: true, remainingMs: 0 });
  await delay(1500);
  expect(next.held).toBe(true);
  await next.release();
});

test(
  'clients that race to seed a new queue get it one after the other, and no connection is lost',
  { timeout: 60_000 },
  async () => {
    const url = await sharedUrl();
    const clients = await Promise.all([1, 2, 3, 4].map(() => open(url)));
    const kept = await Promise.all(clients.map((locks) => locks.acquire(randomUUID())));
    for (let round = 0; round < 60; round += 1) {
      const name = randomUUID();
      const tokens: bigint[] = [];
      let inside = 0;
      const visit = async ({ fencingToken }: { fencingToken: bigint }): Promise<void> => {
        expect((inside += 1)).toBe(1);
        tokens.push(fencingToken);
        await delay(1);
        inside -= 1;
      };
      await Promise.all(clients.map((locks) => locks.request(name, visit)));
      expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => (a < b ? -1 : 1)));
    }
    expect(kept.every(({ held }) => held)).toBe(true);
  },
);

/** What a client that acquires, renews and releases sends and hears, cut off after every few bytes. */
test.each(['requests', 'answers'] as const)(
  'a connection that ends after any byte of its %s leaves the lock to the next one, with a greater token',
  { timeout: 120_000 },
  async (direction) => {
    const url = await sharedUrl();
    const next = await open(url);
    const name = randomUUID();
    const seen: bigint[] = [];
    const whole = await cutAfter(url, direction, Infinity);
    onTestFinished(() => whole.close());
    const handshake = await life(whole.url, name, seen, () => whole.passed());
    const total = whole.passed();
    expect(total).toBeGreaterThan(handshake);
    const step = Math.max(1, Math.floor((total - handshake) / 120));
    for (let bytes = handshake; bytes < total; bytes += step) {
      const cut = await cutAfter(url, direction, bytes);
      await life(cut.url, name, seen, () => 0);
      const lock = await next.acquire(name, { timeout: BOUND_MS });
      seen.push(lock.fencingToken);
      await lock.release();
      await cut.close();
    }
    expect(seen.every((token, i) => i === 0 || token > (seen[i - 1] as bigint))).toBe(true);
  },
);

/** Answers what `measure` said when it was connected. */
async function life(url: string, name: string, seen: bigint[], measure: () => number): Promise<number> {
  const locks = await open(url, { patience: 500, timeout: 500 });
  let connected = 0;
  try {
    await (await locks.acquire(`${name} other`)).release();
    connected = measure();
    const lock = await locks.acquire(name, { timeout: 1000 });
    seen.push(lock.fencingToken);
    await lock.renew();
    await lock.release();
  } catch (error) {
    expect(['BACKEND_UNAVAILABLE', 'LOCK_LOST', 'LOCK_TIMEOUT']).toContain((error as { code?: unknown }).code);
  }
  await locks.close();
  return connected;
}
