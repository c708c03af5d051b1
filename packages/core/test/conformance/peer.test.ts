import { Peer } from '@holdfast/core/conformance';
import type { PeerSource } from '@holdfast/core/conformance';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compilePeer } from './reference/subject.ts';
import { ReferenceServer } from './reference/server.ts';

/** Far longer than an answer takes. */
const A_WHILE_MS = 300;

const compiled = await compilePeer();
afterAll(() => compiled.remove());

describe.each(['process', 'thread'] as const)('a peer in a %s of its own', (kind) => {
  let server: ReferenceServer;
  let peer: Peer;

  beforeEach(async () => {
    server = await ReferenceServer.start();
    const source: PeerSource = { kind, module: compiled.module, data: () => ({ address: server.address, habits: {} }) };
    peer = await Peer.start(source);
  });

  afterEach(async () => {
    peer.thaw();
    await peer.kill();
    await server.stop();
  });

  test('holds and releases locks', async () => {
    const lock = await peer.acquire('a', { ttl: 5000 });
    expect(await lock.look()).toMatchObject({ held: true, aborted: false });
    expect(await peer.tryAcquire('a')).toBe(null);
    await lock.release();
    expect(await peer.tryAcquire('a')).not.toBe(null);
  });

  test('runs nothing while it is frozen, and goes on afterwards', async () => {
    const lock = await peer.acquire('a', { ttl: 200 });
    await peer.freeze();
    let answered = false;
    const ping = peer.ping().then(() => {
      answered = true;
    });
    await delay(A_WHILE_MS);
    expect(answered).toBe(false);
    peer.thaw();
    await ping;
    expect(await lock.look()).toEqual({ held: false, aborted: true, remainingMs: 0 });
  });

  test('can be killed while it is frozen, or busy', async () => {
    const lock = await peer.acquire('a', { ttl: 5000 });
    const blocked = lock.block(60_000);
    await delay(50);
    await peer.kill();
    await expect(blocked).rejects.toThrow(/The peer ended/);
    const other = await Peer.start({
      kind,
      module: compiled.module,
      data: () => ({ address: server.address, habits: {} }),
    });
    await other.freeze();
    await other.kill();
    await expect(other.ping()).rejects.toThrow(/The peer is gone/);
  });

  test('gives errors their code and reason', async () => {
    await peer.acquire('a');
    await expect(peer.acquire('a', { timeout: 50 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await expect(peer.acquire('', {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('tells when it must wait, and ends by itself once it has left and holds nothing', async () => {
    const lock = await peer.acquire('a');
    const { granted } = await peer.enqueue('a');
    await lock.release();
    await (await granted).release();
    await peer.leave();
    expect(await peer.gone).toMatch(/ended with code 0/);
  });
});

test('a peer that fails to start says why', async () => {
  await expect(Peer.start({ kind: 'process', module: 'file:///nowhere.js', data: () => undefined })).rejects.toThrow(
    /nowhere/,
  );
});
