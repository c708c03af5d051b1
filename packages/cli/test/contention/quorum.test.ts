import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Peer } from '@holdfast/core/conformance';
import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { temporary } from '../holdfast.ts';

/** Who waits for a quorum polls, with five messages each time: a smaller round, unless one is asked for. */
const ROUNDS = Number(process.env['HOLDFAST_TEST_ADDITIONS'] ?? 15);
const PROCESSES = 20;
/** Frozen for so long, in ms: with two servers killed nothing is granted, renewed or released meanwhile. */
const FROZEN_MS = 3000;
/** Neither an answer nor a renewal is given up while a server is frozen and the machine is busy. */
const [TIMEOUT, TTL] = ['20s', '30s'];

test(
  `${PROCESSES} processes count ${ROUNDS} times each under a quorum of five Redis servers: exact, with growing tokens, while two are killed and one is frozen`,
  { timeout: 1_200_000 },
  async () => {
    await using place = await temporary();
    const [file, log] = [join(place.dir, 'count'), join(place.dir, 'tokens')];
    writeFileSync(file, '0');
    const servers = await startServers();
    const url = `quorum:${servers.map((server) => `${server.url}?quarantine=0&timeout=${TIMEOUT}`).join(',')}`;
    const peers = await Promise.all(Array.from({ length: PROCESSES }, () => startPeer(url)));
    const work = { name: 'counter', options: { ttl: TTL }, rounds: ROUNDS, file, log };
    const total = PROCESSES * ROUNDS;
    const counting = Promise.all(peers.map((peer) => peer.count(work)));
    await Promise.all([counting, disturb(servers, total, () => Number(readFileSync(file, 'utf8')))]);
    expect(Number(readFileSync(file, 'utf8'))).toBe(total);
    const tokens = readFileSync(log, 'utf8').trim().split('\n').map(BigInt);
    expect(tokens).toHaveLength(total);
    expect(tokens.filter((token, i) => i > 0 && token <= (tokens[i - 1] ?? 0n))).toEqual([]);
  },
);

async function startServers(): Promise<RunningServer[]> {
  const servers = await Promise.all(Array.from({ length: 5 }, () => startServer('redis')));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  return servers;
}

async function startPeer(url: string): Promise<Peer> {
  const peer = await Peer.start({ kind: 'process', data: () => url });
  onTestFinished(() => peer.kill());
  return peer;
}

/** One server is killed, then another, then a third is frozen twice; each when so much is counted. */
async function disturb(servers: readonly RunningServer[], total: number, counted: () => number): Promise<void> {
  const [first, second, third] = servers;
  const reached = async (part: number): Promise<void> => {
    while (counted() < part * total) await delay(5);
  };
  const freeze = async (): Promise<void> => {
    await third?.pause();
    await delay(FROZEN_MS);
    await third?.resume();
  };
  await reached(0.1);
  await first?.kill();
  await reached(0.3);
  await second?.kill();
  await reached(0.5);
  await freeze();
  await reached(0.7);
  await freeze();
}
