import advisoryLockModule from 'advisory-lock';
import { Client as PgClient } from 'pg';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { verrouOnKnex } from './verrou-on-knex.ts';
import { versioned } from './versions.ts';

async function connected(url: string): Promise<PgClient> {
  const client = new PgClient(url);
  await client.connect();
  return client;
}

const statement = { name: 'bench', text: 'SELECT 1' };

const raw: Contender = {
  name: 'two SELECT 1',
  role: 'raw',
  async open(url) {
    const client = await connected(url);
    return {
      async acquire() {
        await client.query(statement);
        return () => client.query(statement);
      },
      close: () => client.end(),
    };
  },
  notification,
};

/** From an unlock until the statement that it blocked returns. */
async function notification(url: string): Promise<Notification> {
  const [holder, waiter] = [await connected(url), await connected(url)];
  const key = process.pid;
  return {
    async once() {
      await holder.query('SELECT pg_advisory_lock($1)', [key]);
      const blocked = waiter.query('SELECT pg_advisory_lock($1)', [key]).then(() => performance.now());
      for (let waits = false; !waits;) {
        const { rows } = await holder.query('SELECT 1 FROM pg_locks WHERE objid = $1 AND NOT granted', [key]);
        waits = rows.length > 0;
      }
      const startedAt = performance.now();
      await holder.query('SELECT pg_advisory_unlock($1)', [key]);
      const took = (await blocked) - startedAt;
      await waiter.query('SELECT pg_advisory_unlock($1)', [key]);
      return took;
    },
    close: () => Promise.all([holder.end(), waiter.end()]),
  };
}

/** A pair of statements that lock and unlock, prepared. */
const bare: Contender = {
  name: 'pg_advisory_lock and unlock',
  role: 'raw',
  async open(url) {
    const client = await connected(url);
    return {
      async acquire(name) {
        await client.query({ name: 'lock', text: 'SELECT pg_advisory_lock(hashtextextended($1, 0))', values: [name] });
        return () =>
          client.query({ name: 'unlock', text: 'SELECT pg_advisory_unlock(hashtextextended($1, 0))', values: [name] });
      },
      close: () => client.end(),
    };
  },
};

/** It opens a connection for each lock. */
const advisoryLock: Contender = {
  name: versioned('advisory-lock'),
  role: 'peer',
  open(url) {
    const mutexes = advisoryLockModule.default(url);
    return Promise.resolve({
      acquire: (name) => mutexes(name).lock(),
      close: () => Promise.resolve(),
    });
  },
};

export const postgresContenders: readonly Contender[] = [raw, bare, holdfast, advisoryLock, verrouOnKnex('pg')];
