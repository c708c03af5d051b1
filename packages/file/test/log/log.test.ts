import { readFileSync, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kernelDisk } from '../../src/log/disk.ts';
import { Log } from '../../src/log/log.ts';
import type { LogOptions } from '../../src/log/log.ts';
import { encode } from '../../src/log/record.ts';
import type { Operation } from '../../src/log/record.ts';

let directory: string;
let logs: Log[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-log-'));
  logs = [];
});
afterEach(async () => {
  for (const log of logs) await log.close();
  await rm(directory, { recursive: true, force: true });
});

function open(session: string, options: Partial<LogOptions> = {}): Log {
  const log = new Log({
    directory,
    disk: kernelDisk,
    session,
    rotateBytes: 64 * 1024,
    boot: 'this boot',
    isGone: () => Promise.resolve(true),
    onApplied: () => undefined,
    onRestored: () => undefined,
    ...options,
  });
  logs.push(log);
  return log;
}

const client = { id: 'test', host: 'test', pid: 1 };
const request = (owner: string, name = 'a'): Operation => ({
  type: 'request',
  name,
  owner,
  mode: 'exclusive',
  ttlMs: 60_000,
  client,
  wait: true,
  steal: false,
});
const leave = (owner: string, name = 'a'): Operation => ({ type: 'leave', name, owner });
const holder = (log: Log, name = 'a'): string | undefined => log.state.queues.get(name)?.entries[0]?.owner;
const token = (log: Log, name = 'a'): bigint | undefined => log.state.queues.get(name)?.entries[0]?.token;

test('a record of which all but the last byte was written never counts', async () => {
  const one = open('1-s');
  await one.append([request('1-s/x')]);
  const stamp = { id: '9-s.1', time: 0, wallMicros: 0 };
  const torn = encode([{ ...leave('1-s/x'), ...stamp }]);
  await appendFile(join(directory, 'log.1'), torn.subarray(0, -1));
  await one.append([{ type: 'tick', name: 'a' }]);
  expect(holder(one)).toBe('1-s/x');
  const two = open('2-s');
  await two.refresh();
  expect(holder(two)).toBe('1-s/x');
});

test.each(['\n', '~', '{"type":"req', 'null\n', '{"type":"unknown"}\n', '\0\0\0\0', '[]\n"text"\n'])(
  'garbage in a log does not stop it: %j',
  async (garbage) => {
    const one = open('1-s');
    await one.append([request('1-s/x')]);
    await appendFile(join(directory, 'log.1'), garbage);
    await open('2-s').append([request('2-s/y'), leave('1-s/x')]);
    await one.refresh();
    expect(holder(one)).toBe('2-s/y');
  },
);

test('a full disk is an error, and what was half written does not count', async () => {
  let full = false;
  const one = open('1-s', {
    disk: { ...kernelDisk, append: (fd, bytes) => kernelDisk.append(fd, full ? bytes.subarray(0, -5) : bytes) },
  });
  await one.append([request('1-s/x')]);
  full = true;
  await expect(one.append([leave('1-s/x')])).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(holder(one)).toBe('1-s/x');
  full = false;
  await one.append([leave('1-s/x')]);
  expect(holder(one)).toBeUndefined();
});

test('a log grows to its bound and no further, and finished names leave nothing in it', async () => {
  const one = open('1-s', { rotateBytes: 4096 });
  for (let i = 0; i < 500; i += 1) {
    await one.append([request(`1-s/${i}`, `name ${i}`)]);
    await one.append([leave(`1-s/${i}`, `name ${i}`)]);
    await one.rotate();
  }
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (file) => (await stat(join(directory, file))).size),
  );
  expect(sizes.length).toBe(2);
  expect(Math.max(...sizes)).toBeLessThan(6000);
  expect(one.state.queues.size).toBe(0);
});

test('after a reboot nobody holds, and tokens go on even if the clock was put back', async () => {
  const before = open('1-s', { boot: 'boot before' });
  await before.append([request('1-s/x')]);
  // As if the clock had been a year ahead then.
  const path = join(directory, 'log.1');
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(
      /"wallMicros":(\d+)/,
      (_, us: string) => `"wallMicros":${Number(us) + 31_536_000_000_000}`,
    ),
  );
  const reader = open('0-s', { boot: 'boot before' });
  await reader.refresh();
  const last = token(reader) ?? 0n;
  // What a power cut may leave at the end of a file.
  await appendFile(path, Buffer.alloc(5000));

  const after = open('2-s');
  await after.refresh();
  expect(holder(after)).toBeUndefined();
  await after.append([request('2-s/y')]);
  expect(holder(after)).toBe('2-s/y');
  expect(token(after)).toBe(last + 1n);
});

test.each(['', '\0'.repeat(300), '{"version":1,"boot":"this bo'])(
  'a log that a power cut left without its first line starts anew: %j',
  async (text) => {
    writeFileSync(join(directory, 'log.7'), text);
    const one = open('1-s');
    await one.append([request('1-s/x')]);
    expect(holder(one)).toBe('1-s/x');
    expect((await readdir(directory)).toSorted()).toEqual(['log.7', 'log.8']);
  },
);

test('a process that sees another boot id, but whose locks are held by living processes, is refused and frees nothing', async () => {
  const holding = open('1-s');
  await holding.append([request('1-s/x')]);
  const stranger = open('2-s', { boot: 'boot id of a container', isGone: () => Promise.resolve(false) });
  await expect(stranger.append([request('2-s/y')])).rejects.toMatchObject({ code: 'CONFIG' });
  await holding.append([{ type: 'renew', name: 'a', owner: '1-s/x' }]);
  expect(holder(holding)).toBe('1-s/x');
});

test('processes that see different boot ids never hold side by side, whoever comes first', async () => {
  const isGone = (): Promise<boolean> => Promise.resolve(false);
  const native = open('1-s', { isGone });
  await native.append([request('1-s/x'), leave('1-s/x')]);
  const stranger = open('2-s', { boot: 'boot id of a container', isGone });
  await stranger.append([request('2-s/y')]);
  expect(holder(stranger)).toBe('2-s/y');
  await expect(native.append([request('1-s/z')])).rejects.toMatchObject({ code: 'CONFIG' });
});

test('a log of a newer format is refused, and stays as it is', async () => {
  writeFileSync(join(directory, 'log.1'), '{"version":2}\n');
  await expect(open('1-s').append([request('1-s/x')])).rejects.toMatchObject({ code: 'CONFIG' });
  expect(readFileSync(join(directory, 'log.1'), 'utf8')).toBe('{"version":2}\n');
});

test('who holds learns that the directory was removed, and the next request starts a new log with greater tokens', async () => {
  let restored = 0;
  const one = open('1-s', { onRestored: () => (restored += 1) });
  await one.append([request('1-s/x')]);
  const first = token(one) ?? 0n;
  await rm(directory, { recursive: true });
  restored = 0;
  await one.append([{ type: 'renew', name: 'a', owner: '1-s/x' }]);
  expect(restored).toBe(1);
  expect(holder(one)).toBeUndefined();
  await one.append([request('1-s/y')]);
  expect(holder(one)).toBe('1-s/y');
  expect(token(one)).toBeGreaterThan(first);
});

test('who only waits learns of it too', async () => {
  let restored = 0;
  const one = open('1-s', { onRestored: () => (restored += 1) });
  await one.append([request('1-s/x'), request('1-s/y')]);
  await rm(directory, { recursive: true });
  restored = 0;
  await one.refresh();
  expect(restored).toBe(1);
  expect(holder(one)).toBeUndefined();
});

test('reading creates nothing', async () => {
  await open('1-s').refresh();
  expect(await readdir(directory)).toEqual([]);
});
