import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '@holdfast/testbed';
import { keysOf } from '../src/keys.ts';
import { acquire } from '../src/scripts/acquire.ts';
import { release } from '../src/scripts/release.ts';
import type { Script } from '../src/scripts/script.ts';
import { argsTogether, together } from '../src/scripts/together.ts';
import { casts, entriesOf, essence, shapeOf, stateOf, steps } from './histories.ts';
import { executed, onlooker, open, ownServer, until, warm } from './traffic.ts';

/** More than two scripts' worth. */
const MANY = 80;
const names = Array.from({ length: MANY }, (_, i) => `name ${i}`);

test('several scripts run as one come to the same as one after the other', async () => {
  const { url } = await ownServer();
  const [client, listener] = [onlooker(url), onlooker(url)];
  const messages: string[] = [];
  await listener.subscribe('here', 'there');
  listener.on('message', (channel: string, text: string) => messages.push(`${channel}: ${text}`));
  onTestFinished(() => listener.disconnect());

  await fc.assert(
    fc.asyncProperty(casts, steps, async (cast, script) => {
      await client.flushall();
      const entries = entriesOf(cast);
      const calls = script.flatMap((step): [Script, string[]][] => {
        if (step.type === 'lose') return [];
        const entry = entries[step.who] as string;
        return [step.type === 'release' ? [release, [entry]] : [acquire, [entry, '60000', step.how]]];
      });
      const play = async (prefix: string, work: (keys: string[]) => Promise<unknown[]>): Promise<unknown> => {
        messages.length = 0;
        const replies = await work(keysOf(prefix, 'lock'));
        // The listener's own answer comes after all messages that were sent before.
        await listener.ping();
        return {
          replies: replies.map(shapeOf),
          messages: essence(messages),
          state: await stateOf(client, prefix),
        };
      };
      const apart = await play('apart', async (keys) => {
        const replies: unknown[] = [];
        for (const [one, args] of calls) replies.push(await client.eval(one.lua, keys.length, ...keys, ...args));
        return replies;
      });
      const atOnce = await play('at once', async (keys) => {
        const all = calls.flatMap(() => keys);
        const args = calls.flatMap(([one, own]) => argsTogether(one, own) ?? []);
        return (await client.eval(together.lua, all.length, ...all, ...args)) as unknown[];
      });
      expect(atOnce).toEqual(apart);
    }),
    { numRuns: 100 },
  );
}, 120_000);

test('many locks that are asked for at once are few commands', async () => {
  const { url } = await ownServer();
  const [locks, client] = [await open(url), onlooker(url)];
  // Who holds asks once when messages come for the first time.
  await warm(locks);
  await Promise.all((await Promise.all(names.map((name) => locks.acquire(name)))).map((lock) => lock.release()));
  const tokens = new Set<bigint>();
  const counts = await executed(client, async () => {
    const held = await Promise.all(names.map((name) => locks.acquire(name)));
    for (const { fencingToken, name } of held) {
      tokens.add(fencingToken);
      expect(await client.exists(`holdfast:{${name}}`)).toBe(1);
    }
    await Promise.all(held.map((lock) => lock.release()));
  });
  expect(counts['set']).toBe(2 * MANY);
  expect(counts['del']).toBe(MANY);
  expect(counts['evalsha']).toBeLessThan(MANY / 2);
  expect(tokens.size).toBe(MANY);
  expect(counts['eval']).toBeUndefined();
});

test('what is asked for in one turn runs in that order', async () => {
  const { url } = await ownServer();
  const locks = await open(url);
  const held = await Promise.all(names.map((name) => locks.acquire(name)));
  // Each free at the moment at which it is tried.
  const again = await Promise.all(
    held.map(async (lock) => {
      void lock.release();
      return locks.tryAcquire(lock.name);
    }),
  );
  expect(again.filter((lock) => lock === null)).toEqual([]);
});

test('a name that is no lock is refused alone, and a server that lost its scripts gets them again', async () => {
  const { url } = await ownServer();
  const [locks, client] = [await open(url), onlooker(url)];
  await warm(locks);
  await client.hset('holdfast:{name 7}:token', 'of', 'somebody');
  await client.script('FLUSH');
  const outcomes = await Promise.allSettled(names.map((name) => locks.acquire(name)));
  expect(outcomes.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([7]);
  expect(outcomes[7]).toMatchObject({ reason: { code: 'BACKEND_UNAVAILABLE', message: /WRONGTYPE/ } });
  const releases = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.release()] : []));
  await Promise.all(releases);
  expect((await locks.query()).held).toEqual([]);
  await client.del('holdfast:{name 7}:token');
  const counts = await executed(client, async () => {
    await Promise.all((await Promise.all(names.map((name) => locks.acquire(name)))).map((lock) => lock.release()));
  });
  expect(counts['eval']).toBeUndefined();
});

test('a connection that breaks under many requests leaves none of them without an answer', async () => {
  const { url } = await ownServer();
  const [locks, client] = [await open(url), onlooker(url)];
  await warm(locks);
  const asked = names.map((name) => locks.acquire(name));
  const killed = client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const held = await Promise.all(asked);
  await killed;
  expect(new Set(held.map(({ fencingToken }) => fencingToken)).size).toBe(MANY);
  await Promise.all(held.map((lock) => lock.release()));
  expect((await locks.query()).held).toEqual([]);
});

test('behind an address that has slots each lock goes by itself', async () => {
  const { url } = await ownServer({ args: ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`] });
  const [locks, client] = [await open(url), onlooker(url)];
  await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await until(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  await warm(locks);
  const all = async (): Promise<void> => {
    await Promise.all((await Promise.all(names.map((name) => locks.acquire(name)))).map((lock) => lock.release()));
  };
  await all();
  expect((await locks.query()).held).toEqual([]);
  const counts = await executed(client, all);
  expect(counts['evalsha']).toBe(2 * MANY);
});
