import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocks } from '@holdfast/core';
import { freePort } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { queueOf } from '../src/queue.ts';
import { open, operator, ownServer, sharedUrl } from './scene.ts';

const SECRET = 'p%40ss-word';

/** How it was reported, after how long, and that no password is in it. */
async function failureOf(url: string, name = 'any'): Promise<{ message: string; code: unknown; took: number }> {
  const locks = await open(url);
  const startedAt = performance.now();
  const error: unknown = await locks.acquire(name).catch((reason: unknown) => reason);
  const { message, code, cause } = error as { message: string; code: unknown; cause: unknown };
  expect(`${message} ${String(cause)}`).not.toContain('ss-word');
  expect(cause).toBeInstanceOf(Error);
  return { message, code, took: performance.now() - startedAt };
}

test('no broker: reported within the patience', async () => {
  const failure = await failureOf(`amqp://someone:${SECRET}@127.0.0.1:${await freePort()}?patience=500`);
  expect(failure).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/can’t be reached.*ECONNREFUSED/),
  });
  expect(failure.took).toBeLessThan(3000);
});

test('wrong credentials: reported at once', async () => {
  const failure = await failureOf((await sharedUrl()).replace(/\/\/[^@]*@/, `//someone:${SECRET}@`));
  expect(failure).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/refused the connection.*ACCESS.REFUSED/),
  });
  expect(failure.took).toBeLessThan(3000);
});

test('no such vhost: reported at once', async () => {
  const failure = await failureOf(`${await sharedUrl()}/nowhere`);
  expect(failure).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/refused the connection to the vhost nowhere/),
  });
  expect(failure.took).toBeLessThan(3000);
});

test('a queue of the same name with other arguments: reported at once, and the others on the connection stay', async () => {
  const url = await sharedUrl();
  const [name, locks, { channel }] = [randomUUID(), await open(url), await operator(url)];
  await channel.assertQueue(queueOf('holdfast.', name), { durable: true });
  const kept = await locks.acquire(randomUUID());
  await expect(locks.acquire(name)).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/exists with other arguments.*406/),
  });
  await kept.renew();
  expect(kept.held).toBe(true);
  await kept.release();
  await channel.deleteQueue(queueOf('holdfast.', name));
});

test('a user who may not declare queues is told what it needs', async () => {
  const url = await brokerOf('guest', '', '.*', '.*');
  const failure = await failureOf(url);
  expect(failure).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/refused access.*configure, write and read.*403/),
  });
  const diagnosis = await (await open(url)).diagnose();
  expect(diagnosis.findings.filter(({ level }) => level === 'error')).toHaveLength(1);
});

test('a user confined to the prefix can lock', async () => {
  const ours = '^holdfast\\.';
  const url = await brokerOf('guest', ours, `${ours}|^amq\\.default$`, ours);
  const locks = await open(url);
  const lock = await locks.acquire('mine');
  await lock.release();
  expect((await locks.diagnose()).findings.every(({ level }) => level === 'ok')).toBe(true);
});

test.each([
  ['amqp://localhost?expiry=1', /expiry/],
  ['amqp://localhost?expires=1s', /expires/],
  ['amqp://localhost?channels=0', /channels/],
  ['amqp://localhost?prefix=amq.', /prefix/],
  ['amqp://localhost?vhost=other', /`vhost` is given twice/],
  ['amqp://local host', /each host/],
  ['amqp://localhost:99999', /host/],
])('%s is refused', async (url, message) => {
  await expect(createLocks(url)).rejects.toMatchObject({
    name: expect.stringMatching(/Error$/),
    message: expect.stringMatching(message),
  });
});

test('a vhost and several hosts come from the URL', async () => {
  const url = new URL(await sharedUrl());
  const dead = `127.0.0.1:${await freePort()}`;
  const locks = await open(`amqp://${url.username}:${url.password}@${dead},${url.host}/%2F`);
  await (await locks.acquire(randomUUID())).release();
});

/** A broker whose one user has these permissions. */
async function brokerOf(user: string, configure: string, write: string, read: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-definitions-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const salt = Buffer.from('salt');
  const digest = createHash('sha256').update(salt).update('guest').digest();
  const definitions = {
    users: [
      {
        name: user,
        password_hash: Buffer.concat([salt, digest]).toString('base64'),
        hashing_algorithm: 'rabbit_password_hashing_sha256',
        tags: '',
      },
    ],
    vhosts: [{ name: '/' }],
    permissions: [{ user, vhost: '/', configure, write, read }],
  };
  const file = join(dir, 'definitions.json');
  await writeFile(file, JSON.stringify(definitions));
  return (await ownServer(`load_definitions = ${file}`)).url;
}
