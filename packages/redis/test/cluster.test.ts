import { readFileSync } from 'node:fs';
import { Cluster } from 'ioredis';
import { createLocks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import { expect, onTestFinished, test } from 'vitest';
import { slotOf } from '../src/cluster/slot.ts';
import { channelsAt, clientOf, open, ownCluster, slotOfName } from './cluster.ts';
import { connections, executed, pending, until } from './traffic.ts';

const names = Array.from({ length: 60 }, (_, i) => `spread ${i}`);

test('names spread over all masters, each with its own slot, and one query shows them all', async () => {
  const cluster = await ownCluster({ replicas: 0 });
  const [holder, waiting] = [await open(cluster.url), await open(cluster.url)];
  const held = await Promise.all(names.map((name) => holder.acquire(name)));
  const waits = names.map((name) => waiting.acquire(name));
  await until(async () => (await holder.query()).pending.length === names.length);
  for (const member of cluster.members) {
    const keys = await clientOf(member).keys('holdfast:*');
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys) expect(await cluster.ask(member, 'CLUSTER', 'KEYSLOT', key)).toBe(`${slotOf(key)}`);
  }
  const shown = await waiting.query();
  expect(shown.held.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  for (const lock of held) await lock.release();
  const next = await Promise.all(waits);
  next.forEach((lock, i) => expect(lock.fencingToken).toBeGreaterThan(held[i]?.fencingToken ?? 0n));
  for (const lock of next) await lock.release();
  expect(await holder.query()).toEqual({ held: [], pending: [] });
});

test('an uncontended lock is one script each way, and a hand-over its message alone', async () => {
  const cluster = await ownCluster({ masters: 1, replicas: 0 });
  const [locks, waiting] = [await open(cluster.url), await open(cluster.url)];
  const client = clientOf(cluster.members[0]);
  for (const each of [locks, waiting]) await (await each.acquire('known')).release();
  const first = await executed(client, async () => {
    const lock = await locks.acquire('free');
    await lock.release();
  });
  expect(first).toEqual({ evalsha: 2, get: 3, time: 1, set: 2, del: 1 });

  const lock = await locks.acquire('passed on', { ttl: 1500 });
  const wait = waiting.acquire('passed on', { ttl: 1500 });
  await until(async () => (await pending(locks, 'passed on')) === 1);
  await until(async () => (await channelsAt(client)).length === 2);
  const counts = await executed(client, async () => {
    await lock.release();
    await wait;
  });
  expect(counts).toMatchObject({ evalsha: 1, spublish: 1 });
  await (await wait).release();
});

test('who neither waits nor holds is subscribed to nothing after a while, and closing leaves no connection', async () => {
  const cluster = await ownCluster({ masters: 1, replicas: 0 });
  const client = clientOf(cluster.members[0]);
  const [locks, waiting] = [await open(cluster.url), await open(cluster.url)];
  const lock = await locks.acquire('short');
  const wait = waiting.acquire('short');
  await until(async () => (await pending(locks, 'short')) === 1);
  await lock.release();
  await (await wait).release();
  expect(await channelsAt(client)).not.toEqual([]);
  // Both go on to need their connections for messages.
  const kept = await Promise.all([locks.acquire('long 1'), waiting.acquire('long 2')]);
  await until(async () => (await channelsAt(client)).every((channel) => channel.startsWith('holdfast:{long')), 40_000);
  expect(await channelsAt(client)).toHaveLength(2);
  await Promise.all(kept.map((each) => each.release()));
  await Promise.all([locks.close(), waiting.close()]);
  await until(async () => Object.values(await connections(client)).flat().length === 0);
});

test('connections that break are replaced: what is held stays held, who waits keeps its place and is told', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const [holder, waiting] = [await open(cluster.url), await open(cluster.url)];
  const held = await Promise.all(names.map((name) => holder.acquire(name, { ttl: '20s' })));
  const waits = names.map((name) => waiting.acquire(name, { ttl: '20s' }));
  await until(async () => (await holder.query()).pending.length === names.length);
  const subscribed = async (): Promise<number> => {
    const each = await Promise.all(cluster.members.map((member) => channelsAt(clientOf(member))));
    return each.flat().length;
  };
  await until(async () => (await subscribed()) === 2 * names.length);
  for (const type of ['pubsub', 'normal']) {
    for (const member of cluster.members) await cluster.ask(member, 'CLIENT', 'KILL', 'TYPE', type);
    await until(async () => (await subscribed()) === 2 * names.length);
  }
  await until(async () => (await holder.query().catch(() => undefined))?.pending.length === names.length);
  expect(held.every((lock) => lock.held)).toBe(true);
  await Promise.all(held.map((lock) => lock.release()));
  for (const wait of waits) await (await wait).release();
});

test("a user's own Cluster says where the nodes are and how to reach them, and is left as it is", async () => {
  const password = 'correct horse/battery@staple?';
  const cluster = await ownCluster({ masters: 2, replicas: 0, password });
  const [first] = cluster.members;
  const own = new Cluster([{ host: '127.0.0.1', port: first.port }], { keyPrefix: 'app:', redisOptions: { password } });
  onTestFinished(() => own.disconnect());
  const locks = await createLocks(redis({ client: own }));
  const held = await Promise.all(names.map((name) => locks.acquire(name)));
  const wait = locks.acquire('spread 0');
  await until(async () => (await pending(locks, 'spread 0')) === 1);
  expect((await locks.query()).held.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  await Promise.all(held.map((lock) => lock.release()));
  await (await wait).release();
  await locks.close();
  expect(await own.get('holdfast:{spread 0}:token')).toMatch(/^\d+$/);
  expect(own.status).toBe('ready');
});

test('a key prefix with a hash tag puts all names in its slot', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const locks = await open(cluster.url, { connection: { keyPrefix: '{app}:' } });
  const held = await Promise.all(names.map((name) => locks.acquire(name)));
  const wait = locks.acquire('spread 0');
  await until(async () => (await pending(locks, 'spread 0')) === 1);
  expect((await locks.query()).held).toHaveLength(names.length);
  const owner = await cluster.ownerOf(slotOf('{app}:'));
  const keys = await clientOf(owner).keys('{app}:holdfast:*');
  expect(keys.length).toBeGreaterThan(names.length);
  await Promise.all(held.map((lock) => lock.release()));
  await (await wait).release();
});

test('nodes are reached where natMap says', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const announced = cluster.members.map(({ port }) => `127.0.0.1:${port}`);
  const asked: string[] = [];
  const natMap = (address: string): { host: string; port: number } | undefined => {
    asked.push(address);
    const at = ['inside:1', 'inside:2'].indexOf(address);
    return at < 0 ? undefined : { host: '127.0.0.1', port: cluster.members[at]?.port ?? 0 };
  };
  const locks = await createLocks(redis({ nodes: ['inside:1', 'inside:2'], natMap }));
  onTestFinished(() => locks.close());
  await Promise.all(names.map((name) => locks.acquire(name)));
  expect(new Set(asked)).toEqual(new Set(['inside:1', 'inside:2', ...announced]));
});

test('doctor names the masters, and what is wrong with a cluster', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const locks = await open(cluster.url);
  const { server, findings } = await locks.diagnose();
  expect(server).toContain(cluster.members[0].version);
  const messages = findings.map(({ level, message }) => `${level}: ${message}`);
  expect(messages).toContain('ok: all 16384 slots are served');
  expect(messages.filter((message) => message.includes('no replica is connected'))).toHaveLength(2);
  await cluster.ask(cluster.members[0], 'CLUSTER', 'DELSLOTS', '0');
  await cluster.ask(cluster.members[1] ?? cluster.members[0], 'CLUSTER', 'DELSLOTS', '0');
  await until(async () => {
    const { findings: later } = await locks.diagnose();
    return later.some(({ level, message }) => level === 'error' && message.includes('state is fail'));
  });
});

test('a user with the rights that the README asks for, and no others, can do all of it', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, rights = ''] = /An ACL user needs(.*?)`\.\n/s.exec(readme) ?? [];
  const commands = rights.match(/\+[a-z]+/g) ?? [];
  expect(commands.length).toBeGreaterThan(30);
  const user = ['ACL', 'SETUSER', 'app', 'on', '>pw', '-@all', ...commands, '~holdfast:*', '&holdfast:*'];
  for (const member of cluster.members) await cluster.ask(member, ...user);
  const locks = await open(cluster.url.replace('//', '//app:pw@'));
  const held = await Promise.all(names.map((name) => locks.acquire(name)));
  const waits = names.map((name) => locks.acquire(name));
  await until(async () => (await locks.query()).pending.length === names.length);
  await cluster.reshard([slotOfName('spread 0')], cluster.members[1] ?? cluster.members[0]);
  await cluster.reshard([slotOfName('spread 0')], cluster.members[0]);
  await Promise.all(held.map((lock) => lock.release()));
  for (const wait of waits) await (await wait).release();
  await locks.diagnose();
});

test('slots are computed as the server does', async () => {
  const cluster = await ownCluster({ masters: 1, replicas: 0 });
  const keys = ['', 'a', '{}', '{}{a}', 'a{b}c', '{a', 'a}b{', '{{a}}', 'ü{ö}', '123456789', 'x'.repeat(1000)];
  for (const key of keys) {
    expect(await cluster.ask(cluster.members[0], 'CLUSTER', 'KEYSLOT', key), key).toBe(`${slotOf(key)}`);
  }
  expect(slotOfName('}{')).toBe(slotOf('holdfast:{%7D{}'));
});
