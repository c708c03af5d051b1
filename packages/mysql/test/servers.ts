import { sharedServer, startServer } from '@holdfast/testbed';
import type { RunningServer, ServerHandle, ServerOptions } from '@holdfast/testbed';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { createConnection } from 'mysql2/promise';
import type { Connection, ConnectionOptions, RowDataPacket } from 'mysql2/promise';
import { onTestFinished } from 'vitest';

export const shared: ServerHandle = await sharedServer('mysql');

/** What names the server, for mysql2's own connections. */
export function connectionOptions(url: string = shared.url): ConnectionOptions {
  const { hostname: host, port, username: user, password, pathname } = new URL(url);
  return { host, port: Number(port), user, password, database: pathname.slice(1) };
}

/** A client whose URL has these parameters; closed when the test is over. */
export async function open(parameters = '', url: string = shared.url): Promise<Locks> {
  const locks = await createLocks(`${url}${parameters === '' ? '' : `?${parameters}`}`);
  onTestFinished(() => locks.close());
  return locks;
}

/** A connection of an administrator. */
export async function administrator(url: string = shared.url): Promise<Connection> {
  const connection = await createConnection({ ...connectionOptions(url), multipleStatements: true });
  onTestFinished(() => connection.destroy());
  return connection;
}

export async function rows(connection: Connection, sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  const [result] = await connection.query<RowDataPacket[]>(sql, values);
  return result;
}

export async function ownServer(options: ServerOptions = {}): Promise<RunningServer> {
  const server = await startServer('mysql', options);
  onTestFinished(() => server.stop());
  return server;
}

/** The tables of that prefix, when the test is over. */
export function dropAfterwards(admin: Connection, prefix: string): void {
  onTestFinished(async () => {
    const tables = ['lock', 'token', 'request', 'theft', 'queue'].map((table) => `${prefix}${table}`);
    await admin.query(`DROP TABLE IF EXISTS ${tables.join(', ')}`);
  });
}
