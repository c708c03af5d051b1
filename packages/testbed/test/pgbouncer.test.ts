import { startPgBouncer, startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

let postgres: RunningServer;
beforeAll(async () => {
  postgres = await startServer('postgres', { password: `p@ss: wo"r'd/%` });
});
afterAll(() => postgres.stop());

test('in session mode a client keeps its connection to the server', async () => {
  await using pool = await startPgBouncer(postgres.url, { poolMode: 'session' });
  const [one, other] = [await connect(pool.url), await connect(pool.url)];
  expect(await backendOf(one)).not.toBe(await backendOf(other));
  await Promise.all([one.end(), other.end()]);
});

test('in transaction mode clients take turns on it', async () => {
  await using pool = await startPgBouncer(postgres.url, { poolMode: 'transaction', args: ['default_pool_size=1'] });
  const [one, other] = [await connect(pool.url), await connect(pool.url)];
  expect(await backendOf(one)).toBe(await backendOf(other));
  await one.query('BEGIN');
  await one.query('COMMIT');
  await Promise.all([one.end(), other.end()]);
});

test('in statement mode there are no transactions', async () => {
  await using pool = await startPgBouncer(postgres.url, { poolMode: 'statement' });
  const client = await connect(pool.url);
  await expect(client.query('BEGIN')).rejects.toMatchObject({ code: '08P01' });
});

test('serves only those whom the server would, and who they are stays', async () => {
  await using pool = await startPgBouncer(postgres.url);
  const own = await connect(pool.url);
  await own.query(`CREATE ROLE somebody LOGIN PASSWORD 'secret'`);
  const url = new URL(pool.url);
  [url.username, url.password] = ['somebody', 'secret'];
  const client = await connect(url.href);
  expect((await client.query('SELECT current_user AS name')).rows).toEqual([{ name: 'somebody' }]);
  url.password = 'another';
  await expect(connect(url.href)).rejects.toMatchObject({ code: '08P01' });
  await Promise.all([own.end(), client.end()]);
});

test('a killed one cuts its clients off, the server goes on, and it comes back', async () => {
  await using pool = await startPgBouncer(postgres.url);
  const client = await connect(pool.url);
  const cutOff = new Promise<void>((resolve) => client.once('end', resolve));
  await pool.kill();
  await cutOff;
  await expect(connect(pool.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await (await connect(postgres.url)).end();
  await pool.restart();
  await (await connect(pool.url)).end();
});

async function connect(url: string): Promise<Client> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function backendOf(client: Client): Promise<number | undefined> {
  return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
}
