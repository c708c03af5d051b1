import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { counterOf } from './counter.ts';
import type { Counter } from './counter.ts';

/** What the server must be started with. From then on it counts, until {@link countNothing}. */
export const postgresStatements = ['-c', 'shared_preload_libraries=pg_stat_statements'] as const;

/** Every connection has read the changed configuration by then, in ms. */
const RELOAD_MS = 200;

/** Counting takes time, so that only those are counted who are not timed. */
export async function countNothing(url: string): Promise<void> {
  await withClient(url, (client) => track(client, 'none'));
}

export function postgresCounter(url: string): Counter {
  return {
    unit: 'statements',
    during: (work) =>
      withClient(url, async (client) => {
        await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
        // Whatever all others do, this connection's own statements do not count.
        await client.query(`SET pg_stat_statements.track = 'none'`);
        await track(client, 'top');
        try {
          return await counterOf('statements', () => calls(client), 0).during(work);
        } finally {
          await track(client, 'none');
        }
      }),
  };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function track(client: pg.Client, what: 'top' | 'none'): Promise<void> {
  await client.query(`ALTER SYSTEM SET pg_stat_statements.track = '${what}'`);
  await client.query('SELECT pg_reload_conf()');
  await sleep(RELOAD_MS);
}

async function calls(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ calls: string | null }>('SELECT sum(calls) AS calls FROM pg_stat_statements');
  return Number(rows[0]?.calls ?? 0);
}
