/** Grants without a question: that nothing is asked, and what must not be taken for a grant. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Lock, Locks } from '@holdfast/core';
import { expect, test } from 'vitest';
import { byHand, ready } from './by-hand.ts';
import { onlooker, open, ownServer, pending, proxyFor, tapped, until } from './scene.ts';

/** How long those who must not hold are watched, in ms. */
const A_WHILE_MS = 300;

interface Asked {
  readonly granted: Promise<Lock>;
  lock?: Lock;
}

/** A request under way. */
function ask(locks: Locks, options: { steal?: boolean; signal?: AbortSignal } = {}): Asked {
  const asked: Asked = {
    granted: locks.acquire('n', options).then((lock) => {
      asked.lock = lock;
      return lock;
    }),
  };
  asked.granted.catch(() => undefined);
  return asked;
}

test('who waits behind another client holds as soon as that one is gone, and asks nothing', async () => {
  const server = await ownServer();
  const { proxy, url } = await proxyFor(server);
  const [holder, waiter] = [await open(server.url), await open(url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  proxy.blackhole('requests');
  await first.release();
  const second = await next.granted;
  expect(second.held).toBe(true);
  expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
  await proxy.restore();
  expect((await holder.query('n')).held).toMatchObject([{ fencingToken: second.fencingToken }]);
});

test('in a line of ten clients each gets ready while the one ahead holds', async () => {
  const server = await ownServer();
  const first = await open(server.url);
  let lock = await first.acquire('n');
  const line: (Asked & { proxy: Awaited<ReturnType<typeof proxyFor>>['proxy']; locks: Locks })[] = [];
  for (let i = 1; i <= 10; i += 1) {
    const { proxy, url } = await proxyFor(server);
    const locks = await open(url);
    line.push({ proxy, locks, ...ask(locks) });
    await until(async () => (await pending(first, 'n')) === i);
  }
  for (const { proxy, locks, granted } of line) {
    await ready(server, locks, 'n');
    proxy.blackhole('requests');
    await lock.release();
    const next = await granted;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await proxy.restore();
    lock = next;
  }
  await lock.release();
});

test('a thief between: the end of the one ahead is no grant, neither before the theft is through nor after', async () => {
  const server = await ownServer();
  const [holder, waiter, thief] = [await open(server.url), await open(server.url), await byHand(server.url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  const entered = await thief.enterThief('n');
  await first.release();
  await delay(A_WHILE_MS);
  expect(next.lock).toBeUndefined();
  const stolen = await thief.finish(entered);
  expect(stolen).toBeGreaterThan(first.fencingToken);
  await delay(A_WHILE_MS);
  expect(next.lock).toBeUndefined();
  await thief.leave(entered);
  expect((await next.granted).fencingToken).toBeGreaterThan(stolen ?? Infinity);
});

test('a thief that comes when the one ahead is gone steals from the next', async () => {
  const server = await ownServer();
  const { proxy, url } = await proxyFor(server);
  const [holder, waiter, thief] = [await open(server.url), await open(url), await byHand(server.url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  proxy.blackhole('requests');
  await first.release();
  const second = await next.granted;
  // The server has not heard of the grant, and needs not: the first in the queue may hold.
  const stolen = await thief.finish(await thief.enterThief('n'));
  expect(stolen).toBeGreaterThan(second.fencingToken);
  await proxy.restore();
  await until(async () => !second.held);
});

test('a thief that gives up: who waited before it gets a token all the same, greater than the earlier ones', async () => {
  const server = await ownServer();
  const [holder, waiter, thief] = [await open(server.url), await open(server.url), await byHand(server.url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  const entered = await thief.enterThief('n');
  await thief.leave(entered);
  expect(first.held).toBe(true);
  await first.release();
  const second = await next.granted;
  expect(second.fencingToken).toBeGreaterThan(entered.entry.czxid);
  const third = ask(holder);
  await ready(server, holder, 'n');
  await second.release();
  expect((await third.granted).fencingToken).toBeGreaterThan(second.fencingToken);
});

test('a thief that finds nobody has the transaction of its entry for a token, and whoever comes next a greater one', async () => {
  const server = await ownServer();
  const thief = await byHand(server.url);
  const locks = await open(server.url);
  const before = await locks.acquire('n');
  await before.release();
  const entered = await thief.enterThief('n');
  expect(await thief.finish(entered)).toBe(entered.entry.czxid);
  expect(entered.entry.czxid).toBeGreaterThan(before.fencingToken);
  const next = ask(locks);
  await until(async () => (await pending(locks, 'n')) === 1);
  await thief.leave(entered);
  expect((await next.granted).fencingToken).toBeGreaterThan(entered.entry.czxid);
});

test('the connection is cut between the create of a thief and its answer: one node, one hold', async () => {
  const server = await ownServer();
  const { proxy, url } = await proxyFor(server);
  const [holder, thief, watcher] = [await open(server.url), await open(url), await onlooker(server.url)];
  await (await thief.acquire('elsewhere')).release();
  const first = await holder.acquire('n');
  proxy.delay(200);
  const theft = ask(thief, { steal: true });
  await until(async () => (await watcher.nodes('n')).length === 2);
  proxy.cut();
  await proxy.restore();
  expect((await theft.granted).fencingToken).toBeGreaterThan(first.fencingToken);
  expect(await watcher.nodes('n')).toHaveLength(1);
});

test('the node ahead is written to, as by a holder that gets a later token: no grant', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  const [hand, watcher] = [await byHand(server.url), await onlooker(server.url)];
  const first = await holder.acquire('n');
  const [node = ''] = await watcher.nodes('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  await hand.touch('n', node);
  await delay(A_WHILE_MS);
  expect(next.lock).toBeUndefined();
  await first.release();
  expect((await next.granted).fencingToken).toBeGreaterThan(first.fencingToken);
});

test('its own node is deleted with that of the one ahead: it enters again', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  const [hand, watcher] = [await byHand(server.url), await onlooker(server.url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  const nodes = (await watcher.nodes('n')).toSorted((a, b) => Number(b.slice(-10)) - Number(a.slice(-10)));
  const deletedAt = await hand.remove('n', nodes);
  expect((await next.granted).fencingToken).toBeGreaterThan(deletedAt);
  await until(async () => !first.held);
});

test('its own node goes, and the server removes the empty container before it looks: it enters again', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  const [hand, watcher] = [await byHand(server.url), await onlooker(server.url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  await hand.removeAll('n', await watcher.nodes('n'));
  expect((await next.granted).fencingToken).toBeGreaterThan(first.fencingToken);
  await until(async () => !first.held);
});

test('its own node is deleted while it waits: it enters again, behind all others', async () => {
  const server = await ownServer();
  const [holder, waiter, last] = [await open(server.url), await open(server.url), await open(server.url)];
  const [hand, watcher] = [await byHand(server.url), await onlooker(server.url)];
  const first = await holder.acquire('n');
  const next = ask(waiter);
  await ready(server, waiter, 'n');
  const [own = ''] = (await watcher.nodes('n')).toSorted((a, b) => Number(b.slice(-10)) - Number(a.slice(-10)));
  const other = ask(last);
  await until(async () => (await pending(holder, 'n')) === 2);
  await hand.remove('n', [own]);
  await first.release();
  const second = await other.granted;
  await delay(A_WHILE_MS);
  expect(next.lock).toBeUndefined();
  await second.release();
  expect((await next.granted).fencingToken).toBeGreaterThan(second.fencingToken);
});

test('the session of both the holder and the next ends at once: the lock is for the one behind them', async () => {
  const server = await ownServer();
  const tap = await tapped(server);
  const [both, behind] = [await open(tap.url), await open(server.url)];
  for (let round = 1; round <= 5; round += 1) {
    const first = await both.acquire('n');
    const next = ask(both);
    await until(async () => (await pending(behind, 'n')) === 1);
    const other = ask(behind);
    await until(async () => (await pending(behind, 'n')) === 2);
    const session = tap.sessions.at(-1);
    if (session === undefined) throw new Error('No session went by');
    await tap.end(session);
    const second = await other.granted;
    await until(async () => !first.held && (await pending(behind, 'n')) === 1);
    expect(next.lock).toBeUndefined();
    await second.release();
    const third = await next.granted;
    expect(third.fencingToken).toBeGreaterThan(second.fencingToken);
    await third.release();
  }
});

test('the one ahead gives up: its end is no grant while another holds', async () => {
  const server = await ownServer();
  const [holder, ahead, waiter] = [await open(server.url), await open(server.url), await open(server.url)];
  const first = await holder.acquire('n');
  const controller = new AbortController();
  const given = ask(ahead, { signal: controller.signal });
  await until(async () => (await pending(holder, 'n')) === 1);
  const next = ask(waiter);
  await until(async () => (await pending(holder, 'n')) === 2);
  controller.abort(new Error('given up'));
  await expect(given.granted).rejects.toThrow('given up');
  // Behind the holder now, which it knows only when it has looked again.
  await ready(server, waiter, 'n');
  await delay(A_WHILE_MS);
  expect(next.lock).toBeUndefined();
  await first.release();
  expect((await next.granted).held).toBe(true);
});

test('those ahead give up one after the other: nobody holds beside the holder', async () => {
  const server = await ownServer();
  const clients = await Promise.all(Array.from({ length: 4 }, () => open(server.url)));
  const [holder, ...others] = clients as [Locks, Locks, Locks, Locks];
  const first = await holder.acquire('n');
  const aborts = others.map(() => new AbortController());
  const line: Asked[] = [];
  for (const [i, locks] of others.entries()) {
    line.push(ask(locks, { signal: (aborts[i] as AbortController).signal }));
    await until(async () => (await pending(holder, 'n')) === i + 1);
  }
  // The last one is told of the end of the one two ahead, though not of the holder's.
  for (const [i, abort] of aborts.slice(0, 2).entries()) {
    abort.abort();
    await until(async () => (await pending(holder, 'n')) === 2 - i);
    await delay(A_WHILE_MS);
    expect(line[2]?.lock).toBeUndefined();
  }
  await first.release();
  expect((await line[2]?.granted)?.held).toBe(true);
});

test('a thief comes before the request gets ready: the end of the one ahead is no grant', async () => {
  const server = await ownServer();
  const [holder, ahead, waiter] = [await open(server.url), await open(server.url), await open(server.url)];
  const thief = await byHand(server.url);
  const first = await holder.acquire('n');
  const controller = new AbortController();
  ask(ahead, { signal: controller.signal });
  await until(async () => (await pending(holder, 'n')) === 1);
  const next = ask(waiter);
  await until(async () => (await pending(holder, 'n')) === 2);
  // The waiter has seen a queue without the thief. It watches the container only when the holder is gone.
  const entered = await thief.enterThief('n');
  await first.release();
  await delay(A_WHILE_MS);
  controller.abort();
  await until(async () => (await pending(holder, 'n')) === 1);
  await delay(A_WHILE_MS);
  expect(next.lock).toBeUndefined();
  const stolen = await thief.finish(entered);
  await thief.leave(entered);
  expect((await next.granted).fencingToken).toBeGreaterThan(stolen ?? Infinity);
});

test.each(['nobody', 'a thief'])(
  'the lock changes hands before the answers by which the next gets ready, and %s comes',
  async (who) => {
    const server = await ownServer();
    const { proxy, url } = await proxyFor(server);
    const [holder, ahead, waiter] = [await open(server.url), await open(server.url), await open(url)];
    const thief = await byHand(server.url);
    const first = await holder.acquire('n');
    const second = ask(ahead);
    await until(async () => (await pending(holder, 'n')) === 1);
    const next = ask(waiter);
    await until(async () => (await pending(holder, 'n')) === 2);
    proxy.delay(400);
    await first.release();
    const held = await second.granted;
    await delay(250);
    await held.release();
    if (who === 'nobody') {
      expect((await next.granted).fencingToken).toBeGreaterThan(held.fencingToken);
      return;
    }
    const entered = await thief.enterThief('n');
    await delay(2000);
    expect(next.lock).toBeUndefined();
    const stolen = await thief.finish(entered);
    await thief.leave(entered);
    expect((await next.granted).fencingToken).toBeGreaterThan(stolen ?? Infinity);
  },
);

test('waiters of one session that know of each other: those who give up between them, and a holder that does not go', async () => {
  const server = await ownServer();
  const [holder, other, waiter] = [await open(server.url), await open(server.url), await open(server.url)];
  const first = await holder.acquire('n');
  const aborts: AbortController[] = [];
  const line: Asked[] = [];
  for (let i = 0; i < 12; i += 1) {
    const abort = new AbortController();
    aborts.push(abort);
    line.push(ask(i % 3 === 2 ? waiter : other, { signal: abort.signal }));
    await until(async () => (await pending(holder, 'n')) === i + 1);
  }
  // All but the last of `waiter`, from the front and from the middle, so that it gets ready more than once.
  for (const [i, place] of [0, 1, 6, 7, 3, 4, 9, 2, 8, 5, 10].entries()) {
    aborts[place]?.abort();
    await until(async () => (await pending(holder, 'n')) === 11 - i);
    await delay(40);
    expect(line.some(({ lock }) => lock !== undefined)).toBe(false);
  }
  await first.release();
  expect((await line[11]?.granted)?.fencingToken).toBeGreaterThan(first.fencingToken);
});

test('all happens while the connection is cut: what it saw before counts for nothing', async () => {
  const server = await ownServer();
  const { proxy, url } = await proxyFor(server);
  const [holder, waiter, thief] = [await open(server.url), await open(url), await byHand(server.url)];
  for (let round = 0; round < 5; round += 1) {
    const first = await holder.acquire('n');
    const next = ask(waiter);
    await ready(server, waiter, 'n');
    await proxy.refuse();
    const entered = await thief.enterThief('n');
    await first.release();
    await proxy.restore();
    // Connected again, in the same session: it answers.
    await waiter.query('n');
    await delay(A_WHILE_MS);
    expect(next.lock).toBeUndefined();
    const stolen = await thief.finish(entered);
    await thief.leave(entered);
    const second = await next.granted;
    expect(second.fencingToken).toBeGreaterThan(stolen ?? Infinity);
    // Not so brief that the next one would prepare nothing.
    await delay(20);
    await second.release();
  }
});
