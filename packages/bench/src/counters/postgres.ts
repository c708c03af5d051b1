import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Counter } from './counter.ts';
import { counterOf } from './counter.ts';

/** What the server must be started with; it counts only while it is asked to. */
export const postgresStatements = [
  '-c',
  'shared_preload_libraries=pg_stat_statements',
  '-c',
  'pg_stat_statements.track=none',
] as const;

/** Every connection has read the changed configuration by then, in ms. */
const RELOAD_MS = 200;

export function postgresCounter(url: string): Counter {
  return {
    unit: 'statements',
    async during(work) {
      const client = new pg.Client(url);
      await client.connect();
      const track = async (what: 'top' | 'none'): Promise<void> => {
        await client.query(`ALTER SYSTEM SET pg_stat_statements.track = '${what}'`);
        await client.query('SELECT pg_reload_conf()');
        await sleep(RELOAD_MS);
      };
      const read = async (): Promise<number> => {
        const { rows } = await client.query<{ calls: string }>('SELECT sum(calls) AS calls FROM pg_stat_statements');
        return Number(rows[0]?.calls ?? 0);
      };
      try {
        await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
        // Whatever all others do, this connection's own statements do not count.
        await client.query(`SET pg_stat_statements.track = 'none'`);
        await track('top');
        return await counterOf('statements', read, 0).during(work);
      } finally {
        await track('none');
        await client.end();
      }
    },
  };
}
