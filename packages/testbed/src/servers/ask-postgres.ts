import { Socket } from 'node:net';
import { Client } from 'pg';

/** In ms, for the connection and for the answer. */
const TIMEOUT_MS = 1000;

/** What a statement answers on a connection of its own. */
export async function askPostgres<Row extends object>(
  url: string,
  ca: string | undefined,
  statement: string,
): Promise<Row[]> {
  const { hostname: host, port, pathname, username, password } = new URL(url);
  const socket = new Socket();
  const client = new Client({
    stream: () => socket,
    ...{ host, port: Number(port) || 5432, database: decodeURIComponent(pathname.slice(1)) },
    ...{ user: decodeURIComponent(username), password: decodeURIComponent(password) },
    ...(ca === undefined ? {} : { ssl: { ca } }),
    ...{ connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS },
  });
  // Of a break while it waits the question itself says so, and after that it is of no interest.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(statement)).rows;
  } finally {
    socket.destroy();
  }
}
