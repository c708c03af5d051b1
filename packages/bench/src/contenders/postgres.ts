import type { Client as PgClient } from 'pg';
import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { Pool } from '../pool.ts';
import { holdfast } from './holdfast.ts';
import { verrouOnKnex } from './verrou-on-knex.ts';
import { versioned } from './versions.ts';

async function connected(url: string): Promise<PgClient> {
  const { Client } = (await import('pg')).default;
  const client = new Client(url);
  await client.connect();
  return client;
}

/** Of the lock whose unlock is waited for. */
const KEY = 4711;

/** From an unlock until the statement that it blocked returns. */
const notification: Notification = {
  async sender(url) {
    const client = await connected(url);
    return {
      arm: () => client.query('SELECT pg_advisory_lock($1)', [KEY]),
      send: () => client.query('SELECT pg_advisory_unlock($1)', [KEY]),
      close: () => client.end(),
    };
  },
  async receiver(url) {
    const client = await connected(url);
    return {
      listen: () => Promise.resolve({ heard: client.query('SELECT pg_advisory_lock($1)', [KEY]).then(nowMs) }),
      rest: () => client.query('SELECT pg_advisory_unlock($1)', [KEY]),
      close: () => client.end(),
    };
  },
};

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

const LOCK = { name: 'lock', text: 'SELECT pg_advisory_lock(hashtextextended($1, 0))' };
const UNLOCK = { name: 'unlock', text: 'SELECT pg_advisory_unlock(hashtextextended($1, 0))' };

/** A pair of statements that lock and unlock, prepared. */
const bare: Contender = {
  name: 'pg_advisory_lock and unlock',
  role: 'raw',
  only: ['latency', 'throughput', 'requests'],
  async open(url) {
    const client = await connected(url);
    return {
      async acquire(name) {
        await client.query({ ...LOCK, values: [name] });
        return () => client.query({ ...UNLOCK, values: [name] });
      },
      close: () => client.end(),
    };
  },
};

/** Each waits on a connection of its own, and once it is granted asks once more: nobody knows how old the answer is that told of it. */
const asking: Contender = {
  name: 'pg_advisory_lock and a question',
  role: 'floor',
  only: ['hand-over'],
  async open(url) {
    const pool = new Pool(() => connected(url));
    pool.give(await pool.take());
    return {
      async acquire(name) {
        const client = await pool.take();
        await client.query({ ...LOCK, values: [name] });
        await client.query(statement);
        return async () => {
          await client.query({ ...UNLOCK, values: [name] });
          pool.give(client);
        };
      },
      close: () => pool.close((client) => client.end()),
    };
  },
};

/** It opens a connection for each lock. */
const advisoryLock: Contender = {
  name: versioned('advisory-lock'),
  role: 'peer',
  async open(url) {
    const mutexes = (await import('advisory-lock')).default.default(url);
    return {
      acquire: (name) => mutexes(name).lock(),
      close: () => Promise.resolve(),
    };
  },
};

export const contenders: readonly Contender[] = [raw, bare, asking, holdfast, advisoryLock, verrouOnKnex('pg')];
