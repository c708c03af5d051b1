import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstLineOf, startScript } from './fixtures/script.ts';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer('postgres');
});
afterAll(() => server.stop());

test('answers as soon as it is handed over', async () => {
  expect(server.version).toMatch(/^\d+\.\d+$/);
  expect(await ask(server, 'SELECT current_database() AS name')).toEqual([{ name: 'holdfast' }]);
});

test('keeps what was committed over a kill, and loses it when restarted empty', async () => {
  await ask(server, 'CREATE TABLE kept (value int); INSERT INTO kept VALUES (1)');
  await server.kill();
  await expect(connect(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.restart();
  expect(await ask(server, 'SELECT value FROM kept')).toEqual([{ value: 1 }]);
  await server.restart({ empty: true });
  await expect(ask(server, 'SELECT value FROM kept')).rejects.toMatchObject({ code: '42P01' });
});

test('a paused server freezes what it is at, and goes on with it once resumed', async () => {
  const client = await connect(server);
  let answered = false;
  const sleep = client.query('SELECT pg_sleep(0.3)').then(() => (answered = true));
  await server.pause();
  await delay(800);
  expect(answered).toBe(false);
  await server.resume();
  await sleep;
  await client.end();
});

test('killed, it leaves no process, not even a busy one', async () => {
  const own = await startServer('postgres', { source: 'native' });
  const name = await clusterName(own);
  await beBusy(own);
  expect(processes(name)).not.toEqual([]);
  await own.kill();
  await expect.poll(() => processes(name)).toEqual([]);
  await own.stop();
});

for (const ending of ['stay', 'pause']) {
  test(`nor does it, or a directory, when the process dies that started it (${ending})`, async () => {
    const script = startScript('start-postgres.mjs', [ending]);
    const { name, dir } = JSON.parse(await firstLineOf(script)) as { name: string; dir: string };
    expect(processes(name)).not.toEqual([]);
    script.kill('SIGKILL');
    await expect.poll(() => existsSync(dirname(dir)), { timeout: 5000 }).toBe(false);
    expect(processes(name)).toEqual([]);
  });
}

test('with a password it serves only those who give it', async () => {
  await using own = await startServer('postgres', { password: `p@ss: wo"r'd/%` });
  expect(await ask(own, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  const url = new URL(own.url);
  url.password = 'another';
  await expect(connect({ url: url.href })).rejects.toMatchObject({ code: '28P01' });
});

test('with TLS it serves those who trust its certificate, also after a restart', async () => {
  await using own = await startServer('postgres', { tls: true });
  expect(await ask(own, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await expect(connect({ url: own.url })).rejects.toMatchObject({ code: '28000' });
  await expect(connect({ url: own.url, ca: '' })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  await own.restart({ empty: true });
  expect(await ask(own, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('takes further arguments, and says what the server said when it refuses them', async () => {
  await using own = await startServer('postgres', { args: ['-c', 'max_connections=77'] });
  expect(await ask(own, 'SHOW max_connections')).toEqual([{ max_connections: '77' }]);
  await expect(startServer('postgres', { args: ['-c', 'no_such_setting=1'] })).rejects.toThrow('no_such_setting');
});

type Address = Pick<RunningServer, 'url' | 'ca'>;

async function connect({ url, ca }: Address): Promise<Client> {
  const { hostname: host, port, username, password, pathname } = new URL(url);
  const client = new Client({
    ...{ host, port: Number(port), user: username, database: pathname.slice(1) },
    password: decodeURIComponent(password),
    ssl: ca === undefined ? false : { ca },
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function ask(server: Address, statement: string): Promise<unknown[]> {
  const client = await connect(server);
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** All of its processes bear it in their titles. */
async function clusterName(server: Address): Promise<string> {
  const [row] = (await ask(server, `SELECT current_setting('cluster_name') AS name`)) as { name: string }[];
  return row?.name ?? '';
}

/** A statement that never looks up from its work, to see whether the postmaster still is there. */
async function beBusy(server: Address): Promise<void> {
  const client = await connect(server);
  client.query('DO $$ BEGIN LOOP END LOOP; END $$').catch(() => undefined);
  await delay(100);
}

function processes(name: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(titleOf)
    .filter((title) => title.includes(`${name}:`) || title.includes(`cluster_name=${name}`));
}

/** That of a process which has just ended is empty, or cannot be read any more. */
function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
