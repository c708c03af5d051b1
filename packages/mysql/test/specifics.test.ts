import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLocks } from '@holdfast/core';
import { createPool } from 'mysql2';
import { createPool as createPromisePool } from 'mysql2/promise';
import { expect, onTestFinished, test } from 'vitest';
import { migration, mysql } from '../src/index.ts';
import { administrator, connectionOptions, dropAfterwards, open, ownServer, rows, shared } from './servers.ts';

const name = (): string => `specifics ${randomUUID()}`;

test('50 clients meet at fresh names: nobody sees a deadlock, and one at a time holds', async () => {
  const clients = await Promise.all(Array.from({ length: 50 }, () => open('connections=4')));
  for (let round = 0; round < 60; round += 1) {
    const fresh = name();
    const won = (await Promise.all(clients.map((locks) => locks.tryAcquire(fresh)))).filter((lock) => lock !== null);
    expect(won.length).toBe(1);
    await won[0]?.release();
  }
  let inside = 0;
  const visit = async (): Promise<void> => {
    inside += 1;
    assert.equal(inside, 1);
    await Promise.resolve();
    inside -= 1;
  };
  for (let round = 0; round < 10; round += 1) {
    const fresh = name();
    await Promise.all(clients.map((locks) => locks.request(fresh, visit)));
  }
});

test('a wait goes on for longer than the server lets a lock wait last', async () => {
  const admin = await administrator();
  const [before] = await rows(admin, 'SELECT @@global.innodb_lock_wait_timeout AS s');
  onTestFinished(async () => void (await admin.query('SET GLOBAL innodb_lock_wait_timeout = ?', [before?.['s']])));
  await admin.query('SET GLOBAL innodb_lock_wait_timeout = 1');
  const [holder, waiter] = [await open(), await open()];
  const lock = await holder.acquire(name());
  const waiting = waiter.acquire(lock.name);
  await delay(2500);
  await lock.release();
  const next = await waiting;
  expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  await next.release();
});

test('a wait of a fraction of a second ends after a fraction of a second', async () => {
  const [holder, waiter] = [await open(), await open()];
  const lock = await holder.acquire(name());
  for (const timeout of [30, 150, 400]) {
    const startedAt = performance.now();
    await expect(waiter.acquire(lock.name, { timeout })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    const took = performance.now() - startedAt;
    expect(took).toBeGreaterThan(timeout - 5);
    expect(took).toBeLessThan(timeout + 600);
  }
  await lock.release();
});

test('waits that end at the instant of the grant leave nothing locked', async () => {
  const [holder, waiter, third] = [await open(), await open(), await open()];
  const one = name();
  for (let round = 0; round < 150; round += 1) {
    const lock = await holder.acquire(one);
    const controller = new AbortController();
    const waiting = waiter.acquire(one, { signal: controller.signal }).catch(() => null);
    await delay(round % 5);
    const releasing = lock.release();
    if (round % 3 > 0) await delay(round % 3);
    controller.abort();
    await releasing;
    await (await waiting)?.release();
    const free = await third.tryAcquire(one);
    assert.ok(free !== null, `round ${round}: something is left`);
    await free.release();
  }
  expect(await third.query(one)).toEqual({ held: [], pending: [] });
});

test('a killed connection ends the hold at once, and the next one holds', async () => {
  const [holder, waiter, admin] = [await open(), await open(), await administrator()];
  const lock = await holder.acquire(name(), { ttl: '60s' });
  const waiting = waiter.acquire(lock.name);
  await admin.query('SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED');
  const [row] = await rows(admin, 'SELECT connection FROM holdfast_request WHERE name = ? AND token IS NOT NULL', [
    Buffer.from(lock.name),
  ]);
  const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
  await admin.query(`KILL ${String(row?.['connection'])}`);
  await lost;
  expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'disconnected' });
  const next = await waiting;
  expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  await next.release();
});

test('a waiter whose statement is interrupted enters again', async () => {
  const [holder, waiter, admin] = [await open(), await open(), await administrator()];
  const lock = await holder.acquire(name());
  const waiting = waiter.acquire(lock.name);
  await admin.query('SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED');
  for (let kills = 0; kills < 3;) {
    const sql = 'SELECT connection FROM holdfast_request WHERE name = ? AND token IS NULL';
    const [row] = await rows(admin, sql, [Buffer.from(lock.name)]);
    await delay(30);
    if (row === undefined) continue;
    await admin.query(`KILL QUERY ${String(row['connection'])}`);
    kills += 1;
  }
  await lock.release();
  await (await waiting).release();
});

test('a frozen holder keeps others out for its ttl and less than a second more', async () => {
  const locks = await open();
  for (const ttl of [1000, 1500]) {
    const one = name();
    const holder = spawn(process.execPath, [
      fileURLToPath(new URL('holder.js', import.meta.url)),
      shared.url,
      one,
      String(ttl),
    ]);
    onTestFinished(() => void holder.kill('SIGKILL'));
    await once(holder.stdout, 'data');
    const waiting = locks.acquire(one);
    await delay(ttl / 2);
    holder.kill('SIGSTOP');
    const frozenAt = performance.now();
    const lock = await waiting;
    const took = performance.now() - frozenAt;
    // It may have renewed just before; the rest is for a busy machine.
    expect(took).toBeLessThan(ttl + 1000 + 1000);
    expect(took).toBeGreaterThan(ttl / 3);
    await lock.release();
  }
});

test('names are bytes: case, accents and trailing blanks tell them apart, whatever the collation of the database', async () => {
  const locks = await open();
  const one = randomUUID();
  const names = [one, one.toUpperCase(), `${one} `, `${one}  `, `${one}é`, `${one}e`, `${one}e\u0301`];
  const held = await Promise.all(names.map((each) => locks.tryAcquire(each)));
  expect(held.map((lock) => lock?.name)).toEqual(names);
  await Promise.all(held.map(async (lock) => lock?.release()));
});

test('more locks than connections: an error in time that says which option, and those held stay held', async () => {
  const admin = await administrator();
  const database = `d${randomUUID().slice(0, 8)}`;
  await admin.query(`CREATE DATABASE ${database}`);
  onTestFinished(async () => void (await admin.query(`DROP DATABASE ${database}`)));
  const url = shared.url.replace(/\/[^/]*$/, `/${database}`);
  const locks = await open('connections=3&patience=300', url);
  const held = [await locks.acquire(name()), await locks.acquire(name())];
  const error = await locks.acquire(name()).catch((reason: unknown) => reason as Error & { code?: string });
  expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect((error as Error).message).toMatch(/`connections`/);
  expect(held.every((lock) => lock.held)).toBe(true);
  // Others use the server at the same time, but not this database.
  const [used] = await rows(admin, 'SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE DB = ?', [database]);
  expect(Number(used?.['n'])).toBe(3);
  await held[0]?.release();
  await (await locks.acquire(name())).release();
  await held[1]?.release();
});

for (const [flavour, makePool] of [
  ['callbacks', (limit: number) => createPool({ ...connectionOptions(), connectionLimit: limit })],
  ['promises', (limit: number) => createPromisePool({ ...connectionOptions(), connectionLimit: limit })],
] as const) {
  test(`a pool of one's own with ${flavour}: it is never closed, and its connections are as before`, async () => {
    const pool = makePool(5);
    onTestFinished(() => void pool.end());
    const locks = await createLocks(mysql({ pool }));
    const lock = await locks.acquire(name());
    expect(await locks.tryAcquire(lock.name)).toBeNull();
    await lock.release();
    await locks.close();
    const ask = 'SELECT @@autocommit AS autocommit, @@wait_timeout > 1000 AS patient';
    const answer = await new Promise((resolve, reject) => {
      if ('promise' in pool) pool.query(ask, (error, result) => (error === null ? resolve(result) : reject(error)));
      else pool.query(ask).then(([result]) => resolve(result), reject);
    });
    expect(answer).toEqual([{ autocommit: 1, patient: 1 }]);
  });
}

test('a pool of one connection: nested locks are an error, not a deadlock', async () => {
  const pool = createPool({ ...connectionOptions(), connectionLimit: 1 });
  onTestFinished(() => pool.end());
  const locks = await createLocks(mysql({ pool, patience: 300 }));
  onTestFinished(() => locks.close());
  await expect(locks.acquire(name())).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/connectionLimit/) as string,
  });
});

test('a pool of two connections: the second of two nested locks is an error in time', async () => {
  const pool = createPool({ ...connectionOptions(), connectionLimit: 2 });
  onTestFinished(() => pool.end());
  const locks = await createLocks(mysql({ pool, patience: 300 }));
  onTestFinished(() => locks.close());
  const outer = await locks.acquire(name());
  await expect(locks.acquire(name())).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(outer.held).toBe(true);
  await outer.release();
});

test('rows of unused names are swept while others use theirs, and tokens grow on', async () => {
  const prefix = `sweep${randomUUID().slice(0, 8)}_`;
  const admin = await administrator();
  dropAfterwards(admin, prefix);
  for (const mode of ['transaction', 'lease']) {
    const locks = await open(`prefix=${prefix}&keep=1000&mode=${mode}`);
    const used = name();
    const unused = await locks.acquire(name());
    await unused.release();
    const held = await locks.acquire(name());
    let last = 0n;
    const table = mode === 'lease' ? 'queue' : 'lock';
    const count = async (): Promise<number> => {
      const sql = `SELECT COUNT(*) AS n FROM ${prefix}${table} WHERE name = ?`;
      return Number((await rows(admin, sql, [Buffer.from(unused.name)]))[0]?.['n']);
    };
    expect(await count()).toBe(1);
    const until = performance.now() + 10_000;
    while ((await count()) > 0) {
      assert.ok(performance.now() < until, 'the row is still there');
      await locks.request(used, ({ fencingToken }) => {
        assert.ok(fencingToken > last);
        last = fencingToken;
      });
      await delay(20);
    }
    expect(held.held).toBe(true);
    const again = await locks.acquire(unused.name);
    expect(again.fencingToken).toBeGreaterThan(unused.fencingToken);
    await again.release();
    await held.release();
  }
});

test('tokens do not repeat after the server was killed, with holds that were rolled back', async () => {
  const server = await ownServer();
  const one = name();
  let last = 0n;
  for (let round = 0; round < 3; round += 1) {
    const locks = await createLocks(server.url);
    for (let i = 0; i < 5; i += 1) {
      await locks.request(one, ({ fencingToken }) => {
        assert.ok(fencingToken > last, `${fencingToken} after ${last}`);
        last = fencingToken;
      });
    }
    const held = await locks.acquire(one);
    assert.ok(held.fencingToken > last);
    last = held.fencingToken;
    await server.kill();
    await expect.poll(() => held.held, { timeout: 5000 }).toBe(false);
    await locks.close();
    await server.restart();
  }
});

test('without the right to create tables the error says what to do; with the migration it works', async () => {
  const admin = await administrator();
  const [user, database] = [`u${randomUUID().slice(0, 8)}`, `d${randomUUID().slice(0, 8)}`];
  await admin.query(`CREATE DATABASE ${database}; CREATE USER ${user}@'%' IDENTIFIED BY 'secret-word'`);
  await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO ${user}@'%'`);
  onTestFinished(async () => void (await admin.query(`DROP DATABASE ${database}; DROP USER ${user}@'%'`)));
  const { host, port } = connectionOptions();
  const url = `mysql://${user}:secret-word@${host}:${port}/${database}`;
  const locks = await open('', url);
  const error = (await locks.acquire(name()).catch((reason: unknown) => reason)) as Error & { code?: string };
  expect(error.code).toBe('BACKEND_UNAVAILABLE');
  expect(error.message).toContain('`migration`');
  expect(error.message).not.toContain('secret-word');
  await admin.query(`USE ${database}; ${migration}`);
  await (await locks.acquire(name())).release();
});

test('wrong password, missing database, no server: clear errors without the password', async () => {
  const { host, port } = connectionOptions();
  const cases = [
    [`mysql://nobody:secret-word@${host}:${port}/holdfast`, /user name or password/],
    [`${shared.url.replace(/\/[^/]*$/, '')}/missing${randomUUID().slice(0, 8)}`, /no such database/],
    [`mysql://root:secret-word@127.0.0.1:1/holdfast?patience=500`, /can't be reached/],
  ] as const;
  for (const [url, words] of cases) {
    const locks = await createLocks(url);
    const error = (await locks.acquire(name()).catch((reason: unknown) => reason)) as Error & { code?: string };
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain('secret-word');
    await locks.close();
  }
});

test('the server over TLS, with its certificate as the authority', async () => {
  const server = await ownServer({ tls: true, password: 'a b/c' });
  const backend = new URL(server.url);
  backend.search = '?ssl-mode=VERIFY_CA';
  const locks = await createLocks({ backend: backend.href, options: { tls: { ca: server.ca } } });
  await (await locks.acquire(name())).release();
  await locks.close();
  const distrustful = await createLocks(backend.href);
  await expect(distrustful.acquire(name())).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  await distrustful.close();
});

test('doctor: the server, its settings, and what does not fit', async () => {
  const backend = mysql({ ...connectionOf(shared.url), connections: 5000 });
  const { server, findings } = (await backend.diagnose?.()) ?? { server: '', findings: [] };
  expect(server).toMatch(/^(mariadb|mysql) \d+\./);
  expect(findings.map(({ message }) => message).join('\n')).toMatch(/max_connections/);
  await backend.close();
});

function connectionOf(url: string): { host: string; port: number; username: string; database: string } {
  const { hostname: host, port, username, pathname } = new URL(url);
  return { host, port: Number(port), username, database: pathname.slice(1) };
}

// Of a connection that has to be opened anew in between none of these.
const COUNTED = ['Com_insert', 'Com_insert_select', 'Com_commit', 'Com_stmt_execute'];

test.each([
  // One draw brings the tokens of sixteen holds, unless the name changes.
  { several: true, names: 1, counted: [2, 32, 2, 34] },
  { several: true, names: 2, counted: [32, 32, 32, 64] },
  { several: false, names: 2, counted: [32, 32, 0, 64] },
])('32 free locks of $names names are so many statements, if several may be sent at once: $several', async (row) => {
  const server = await ownServer();
  const pool = createPool(connectionOptions(server.url));
  onTestFinished(() => pool.end());
  // Its own connections, which are kept for longer than a busy machine takes between two locks, or a pool's.
  const locks = await createLocks(row.several ? server.url : mysql({ pool }));
  onTestFinished(() => locks.close());
  const admin = await administrator(server.url);
  const counts = async (): Promise<number[]> => {
    const found = await rows(admin, 'SHOW GLOBAL STATUS');
    return COUNTED.map((counted) => Number(found.find((status) => status['Variable_name'] === counted)?.['Value']));
  };
  const tokens = new Map<string, bigint[]>();
  const visit = async (at: number): Promise<void> => {
    const lock = await locks.acquire(`name ${at % row.names}`);
    await lock.release();
    tokens.set(lock.name, [...(tokens.get(lock.name) ?? []), lock.fencingToken]);
  };
  // Creates the rows, prepares what is to be prepared.
  for (let at = 0; at < 16; at += 1) await visit(at);
  const before = await counts();
  for (let at = 0; at < 32; at += 1) await visit(at);
  const after = await counts();
  expect(after.map((count, i) => count - (before[i] ?? 0))).toEqual(row.counted);
  for (const each of tokens.values()) expect(each).toEqual([...new Set(each)].toSorted((a, b) => (a < b ? -1 : 1)));
});
