/** What the file backend promises beyond the contract, with real processes. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { Peer } from '@holdfast/core/conformance';
import { file } from '@holdfast/file';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** Nothing here ends by expiry. */
const ttl = '1h';
/** Seen by the kernel, told through a socket: far below any ttl, and generous for a busy machine. */
const AT_ONCE_MS = 3000;

let directory: string;
let cleanup: (() => Promise<unknown>)[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-file-'));
  cleanup = [];
});
afterEach(async () => {
  await Promise.all(cleanup.map((close) => close()));
  await rm(directory, { recursive: true, force: true });
});

async function open(path = directory): Promise<Locks> {
  const locks = await createLocks(file({ directory: path }));
  cleanup.push(() => locks.close());
  return locks;
}

async function startPeer(): Promise<Peer> {
  const peer = await Peer.start({ kind: 'process', data: () => `file://${directory}` });
  cleanup.push(() => peer.kill());
  return peer;
}

const logFiles = (): string[] =>
  readdirSync(join(directory, 'logs')).flatMap((partition) =>
    readdirSync(join(directory, 'logs', partition)).map((name) => join(directory, 'logs', partition, name)),
  );
const logBytes = (): number => logFiles().reduce((sum, path) => sum + statSync(path).size, 0);

describe('a killed process', () => {
  test('frees its lock at once for who waits, although its ttl is an hour', async () => {
    const [peer, locks] = [await startPeer(), await open()];
    await peer.acquire('a', { ttl });
    const next = locks.acquire('a', { timeout: AT_ONCE_MS });
    await expect.poll(async () => (await locks.query('a')).pending.length).toBe(1);
    await peer.kill();
    await (await next).release();
  });

  test('frees its lock at once for who only tries, and for who comes later', async () => {
    const [peer, locks] = [await startPeer(), await open()];
    await peer.acquire('a', { ttl });
    await peer.acquire('b', { ttl });
    await peer.kill();
    const a = await locks.tryAcquire('a');
    expect(a).not.toBeNull();
    await a?.release();
    await (await locks.acquire('b', { timeout: AT_ONCE_MS })).release();
  });

  test('that waited does not keep those behind it', async () => {
    const [waiter, locks] = [await startPeer(), await open()];
    const lock = await locks.acquire('a', { ttl });
    const { granted } = await waiter.enqueue('a');
    granted.catch(() => undefined);
    const next = locks.acquire('a', { timeout: 2 * AT_ONCE_MS });
    await waiter.kill();
    await lock.release();
    await (await next).release();
  });

  test('of several readers makes room as soon as the others have left', async () => {
    const [first, second, locks] = [await startPeer(), await startPeer(), await open()];
    await first.acquire('a', { mode: 'shared', ttl });
    const other = await second.acquire('a', { mode: 'shared', ttl });
    const writer = locks.acquire('a', { timeout: 2 * AT_ONCE_MS });
    await expect.poll(async () => (await locks.query('a')).pending.length).toBe(1);
    await other.release();
    await first.kill();
    await (await writer).release();
  });

  test('of several permit holders makes room for a waiter that became the first meanwhile', async () => {
    const [first, second, third, locks] = [await startPeer(), await startPeer(), await startPeer(), await open()];
    await first.acquire('a', { permits: 2, ttl });
    const released = await second.acquire('a', { permits: 2, ttl });
    const { granted } = await third.enqueue('a', { permits: 2, ttl });
    const last = locks.acquire('a', { permits: 2, timeout: 2 * AT_ONCE_MS });
    await expect.poll(async () => (await locks.query('a')).pending.length).toBe(2);
    await released.release();
    await granted;
    await first.kill();
    await (await last).release();
  });

  test('leaves a socket, which later sessions remove', async () => {
    const peer = await startPeer();
    await peer.acquire('a', { ttl });
    const [session = ''] = await readdir(join(directory, 'sessions'));
    await peer.kill();
    const path = join(directory, 'sessions', session);
    const first = await open();
    await (await first.acquire('b')).release();
    await expect.poll(async () => (await stat(path)).atimeMs).toBe(0);
    const elevenMinutesAgo = Date.now() / 1000 - 660;
    await utimes(path, 0, elevenMinutesAgo);
    const second = await open();
    await (await second.acquire('b')).release();
    await expect.poll(() => existsSync(path)).toBe(false);
  });
});

describe('a waiter', () => {
  test('neither writes nor reads while nothing happens', async () => {
    const [waiter, locks] = [await startPeer(), await open()];
    const lock = await locks.acquire('a', { ttl });
    const { granted } = await waiter.enqueue('a');
    const pid = (await locks.query('a')).pending[0]?.pid ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 200));
    const reads = (): number => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
    const before = { bytes: logBytes(), read: reads() };
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect({ bytes: logBytes(), read: reads() - before.read < 256 }).toEqual({ bytes: before.bytes, read: true });
    await lock.release();
    await (await granted).release();
  });

  test('whose session was taken for dead by mistake queues again, and gets no lock that is not its own', async () => {
    const locks = await open();
    const holder = await locks.acquire('a', { ttl: 600, renew: false });
    const other = await open();
    const waiting = other.acquire('a');
    await expect.poll(async () => (await locks.query('a')).pending.length).toBe(1);
    const [log = ''] = logFiles();
    const owner = /"owner":"([^"]+)\/[^"]*"[^\n]*\n[^\n]*$/.exec(readFileSync(log, 'utf8'))?.[1] ?? '';
    await writeFile(
      log,
      `~\n${JSON.stringify({ type: 'dead', session: owner, id: '0-x.1', time: 0, wallMicros: 0 })}\n`,
      { flag: 'a' },
    );
    const lock = await waiting;
    expect(holder.held).toBe(false);
    await lock.release();
  });
});

test('a thief tells its victim in another process at once', async () => {
  const [victim, locks] = [await startPeer(), await open()];
  const lock = await victim.acquire('a', { ttl });
  const stolen = await new Promise<boolean>((resolve, reject) => {
    locks
      .request('a', { steal: true }, () => lock.loss().then((loss) => loss.reason === 'stolen'))
      .then(resolve, reject);
  });
  expect(stolen).toBe(true);
});

test('twenty processes count to a thousand with two killed and one frozen past its ttl, and nothing is left', async () => {
  const counter = join(directory, 'counter');
  const journal = join(directory, 'journal');
  await writeFile(counter, '0');
  await writeFile(journal, '');
  const child = fileURLToPath(new URL('fixtures/counting.mjs', import.meta.url));
  const processes = Array.from({ length: 20 }, (_, index) => {
    const fate = index < 2 ? 'killed' : index === 2 ? 'frozen' : 'none';
    const started = spawn(process.execPath, [child, directory, counter, journal, '50', fate], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanup.push(async () => started.kill('SIGKILL'));
    const exit = new Promise<string>((resolve) =>
      started.once('exit', (code, signal) => resolve(signal ?? String(code))),
    );
    let printed = '';
    started.stdout.on('data', (chunk: Buffer) => {
      printed += String(chunk);
      if (!printed.includes('inside')) return;
      printed = '';
      // It holds the lock now, and has not counted yet.
      started.kill(fate === 'killed' ? 'SIGKILL' : 'SIGSTOP');
      if (fate === 'frozen') setTimeout(() => started.kill('SIGCONT'), 1500);
    });
    return exit;
  });
  const exits = await Promise.all(processes);
  expect(exits.toSorted()).toEqual([...Array<string>(18).fill('0'), 'SIGKILL', 'SIGKILL']);

  // The killed ones counted 25 times each, the frozen one lost one hold and made up for it.
  expect(Number(readFileSync(counter, 'utf8'))).toBe(18 * 50 + 2 * 25);
  const tokens = readFileSync(journal, 'utf8').trim().split('\n').map(BigInt);
  expect(tokens.length).toBe(18 * 50 + 2 * 25);
  tokens.reduce((before, token) => {
    expect(token).toBeGreaterThan(before);
    return token;
  });
  const locks = await open();
  expect(await locks.query()).toEqual({ held: [], pending: [] });
}, 60_000);

test('ten thousand held locks need few file descriptors, and one renewal of all is a few writes', async () => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  const locks = await open();
  const held = await Promise.all(Array.from({ length: 10_000 }, (_, i) => locks.acquire(`name ${i}`, { ttl: '1h' })));
  expect(descriptors() - before).toBeLessThan(100);
  const writes = (): number => Number(/syscw: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  const written = writes();
  await Promise.all(held.map((lock) => lock.renew()));
  expect(writes() - written).toBeLessThan(2000);
  expect(held.every((lock) => lock.held)).toBe(true);
  await Promise.all(held.map((lock) => lock.release()));
  expect(await locks.query()).toEqual({ held: [], pending: [] });
  for (const path of logFiles()) expect(statSync(path).size).toBeLessThan(1024 * 1024);
});

test('the directory may lie deep, where no socket path would fit, and be reached by another name', async () => {
  const deep = join(directory, 'x'.repeat(100), 'y'.repeat(100));
  const alias = join(directory, 'alias');
  const locks = await open(deep);
  await symlink(deep, alias);
  const other = await open(alias);
  const lock = await locks.acquire('a', { ttl });
  const next = other.acquire('a', { timeout: AT_ONCE_MS });
  await expect.poll(async () => (await locks.query('a')).pending.length).toBe(1);
  await lock.release();
  await (await next).release();
});

test('who holds a lock learns in time that somebody removed the directory', async () => {
  const locks = await open();
  const lock = await locks.acquire('a', { ttl: 600 });
  await rm(directory, { recursive: true });
  await expect.poll(() => lock.signal.aborted).toBe(true);
  expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST' });
});

test('closing leaves no socket and no open file', async () => {
  const descriptors = (): string[] => readdirSync('/proc/self/fd');
  const before = descriptors().length;
  const locks = await createLocks(file({ directory }));
  const lock = await locks.acquire('a');
  expect(await readdir(join(directory, 'sessions'))).toHaveLength(1);
  await lock.release();
  await locks.close();
  expect(await readdir(join(directory, 'sessions'))).toHaveLength(0);
  expect(descriptors().length).toBe(before);
});

test('the diagnosis names the directory and its file system', async () => {
  const backend = file({ directory });
  cleanup.push(() => backend.close());
  const { server, findings } = (await backend.diagnose?.()) ?? { server: '', findings: [] };
  expect(server).toMatch(/^Linux |^Darwin /);
  expect(findings.every(({ level }) => level === 'ok')).toBe(true);
  expect(findings[0]?.message).toContain(directory);
});

test('the directory is for this user only', async () => {
  const path = join(directory, 'new');
  await (await (await open(path)).acquire('a')).release();
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test.each([
  ['/proc', 'CONFIG', 'network file system'],
  ['/dev/null/locks', 'CONFIG', 'not a directory'],
  ['/dev/null', 'CONFIG', 'not a directory'],
])('refuses %s', async (path, code, message) => {
  const locks = await open(path);
  await expect(locks.acquire('a')).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});
