import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

describe.each([
  ['mysql', /^1\d\.\d+\.\d+-MariaDB/, 'ER_ACCESS_DENIED_ERROR'],
  ['mysql-community', /^[89]\.\d+\.\d+/, 'ER_SECURE_TRANSPORT_REQUIRED'],
] as const)('%s', (name, version, tlsMissing) => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer(name);
  });
  afterAll(() => server.stop());

  test('answers as soon as it is handed over', async () => {
    expect(server.version).toMatch(version);
    expect(await ask(server, 'SELECT DATABASE() AS name')).toEqual([{ name: 'holdfast' }]);
  });

  test('keeps what was committed over a kill, and loses it when restarted empty', async () => {
    await ask(server, 'CREATE TABLE kept (value int)');
    await ask(server, 'INSERT INTO kept VALUES (1)');
    await server.kill();
    await expect(connect(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    expect(await ask(server, 'SELECT value FROM kept')).toEqual([{ value: 1 }]);
    await server.restart({ empty: true });
    await expect(ask(server, 'SELECT value FROM kept')).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' });
  });

  test('a paused server freezes what it is at, and goes on with it once resumed', async () => {
    const connection = await connect(server);
    let answered = false;
    const sleep = connection.query('SELECT SLEEP(0.3)').then(() => (answered = true));
    await server.pause();
    await delay(800);
    expect(answered).toBe(false);
    await server.resume();
    await sleep;
    connection.destroy();
  });

  test('takes its own users, who have no more rights than they are given', async () => {
    await ask(server, `CREATE USER poor@'%' IDENTIFIED BY 'secret'`);
    await ask(server, `GRANT SELECT ON holdfast.* TO poor@'%'`);
    const url = server.url.replace('root', 'poor:secret');
    await expect(ask({ url }, 'CREATE TABLE mine (value int)')).rejects.toMatchObject({
      code: 'ER_TABLEACCESS_DENIED_ERROR',
    });
  });

  test('with password and TLS it serves only those who give the one and trust the other', async () => {
    await using own = await startServer(name, {
      password: `p@ss: wo"r'd\\/%`,
      tls: true,
      args: ['--max-connections=77'],
    });
    expect(await ask(own, 'SELECT @@max_connections AS most')).toEqual([{ most: 77 }]);
    const url = new URL(own.url);
    url.password = 'another';
    await expect(connect({ ...own, url: url.href })).rejects.toMatchObject({ code: 'ER_ACCESS_DENIED_ERROR' });
    await expect(connect({ url: own.url, ca: '' })).rejects.toMatchObject({ code: 'HANDSHAKE_SSL_ERROR' });
    await expect(connect({ url: own.url })).rejects.toMatchObject({ code: tlsMissing });
  });

  test('says what the server said when it refuses an argument', async () => {
    await expect(startServer(name, { args: ['--no-such-option'] })).rejects.toThrow('no-such-option');
  });
});

type Address = Pick<RunningServer, 'url' | 'ca'>;

function connect({ url, ca }: Address): Promise<Connection> {
  const { hostname: host, port, username: user, password, pathname } = new URL(url);
  return createConnection({
    ...{ host, port: Number(port), user, password: decodeURIComponent(password), database: pathname.slice(1) },
    ...(ca === undefined ? {} : { ssl: { ca } }),
  });
}

async function ask(server: Address, statement: string): Promise<unknown> {
  const connection = await connect(server);
  try {
    return (await connection.query(statement))[0];
  } finally {
    connection.destroy();
  }
}
