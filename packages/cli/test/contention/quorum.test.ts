import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { checkContention } from './check.ts';

const asked = process.env['HOLDFAST_TEST_ADDITIONS'];
/** Who waits for a quorum polls, with five messages each time: a smaller round, unless one is asked for. */
const [CLIENTS, ADDITIONS] = asked === undefined ? [12, 13] : [20, Number(asked)];
/** The ttl of the clients: nobody votes earlier after its start. */
const QUARANTINE = '5s';
/** Less than a client waits for an answer. With two servers killed nothing can be granted or renewed meanwhile. */
const FROZEN_MS = 1500;
const BETWEEN_MS = 5000;

test(
  `${CLIENTS} processes add to one counter ${ADDITIONS} times each on a quorum of five Redis servers: exact, while two are killed and one is frozen again and again`,
  { timeout: 1_200_000 },
  async () => {
    const servers = await Promise.all(Array.from({ length: 5 }, () => startServer('redis')));
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.stop()));
    });
    const url = `quorum:${servers.map((server) => `${server.url}?quarantine=${QUARANTINE}`).join(',')}`;
    await grownUp(url);
    const over = new AbortController();
    const faults = disturb(servers, over.signal);
    try {
      await checkContention(ADDITIONS, url, CLIENTS);
    } finally {
      over.abort();
    }
    expect(await faults).toBeGreaterThan(0);
  },
);

/** Until all members may vote. */
async function grownUp(url: string): Promise<void> {
  await using locks = await createLocks({ backend: url, ttl: QUARANTINE });
  for (;;) {
    const lock = await locks.tryAcquire('grown up').catch(() => null);
    await lock?.release();
    if (lock !== null) return;
    await delay(100);
  }
}

/** How often the third server was frozen. */
async function disturb(servers: readonly RunningServer[], over: AbortSignal): Promise<number> {
  let times = 0;
  const [first, second, third] = servers;
  await delay(BETWEEN_MS);
  await first?.kill();
  await delay(BETWEEN_MS);
  await second?.kill();
  while (!over.aborted) {
    await delay(BETWEEN_MS);
    await third?.pause();
    await delay(FROZEN_MS);
    await third?.resume();
    times += 1;
  }
  return times;
}
