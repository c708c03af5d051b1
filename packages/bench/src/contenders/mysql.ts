import type { Connection } from 'mysql2/promise';
import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { verrouOnKnex } from './verrou-on-knex.ts';

async function connected(url: string): Promise<Connection> {
  const { createConnection } = await import('mysql2/promise');
  return await createConnection(url);
}

/** From the release of a user lock until the statement that it blocked returns. */
const notification: Notification = {
  async sender(url) {
    const connection = await connected(url);
    return {
      arm: () => connection.execute(`SELECT GET_LOCK('bench', 10)`),
      send: () => connection.execute(`SELECT RELEASE_LOCK('bench')`),
      close: () => connection.end(),
    };
  },
  async receiver(url) {
    const connection = await connected(url);
    return {
      listen: () => Promise.resolve({ heard: connection.execute(`SELECT GET_LOCK('bench', 10)`).then(nowMs) }),
      rest: () => connection.execute(`SELECT RELEASE_LOCK('bench')`),
      close: () => connection.end(),
    };
  },
};

/** A transaction that locks is three statements at least: one that locks, one for the token, one that ends it. */
const raw: Contender = {
  name: 'three SELECT 1',
  role: 'raw',
  async open(url) {
    const connection = await connected(url);
    return {
      async acquire() {
        await connection.execute('SELECT 1');
        await connection.execute('SELECT 1');
        return () => connection.execute('SELECT 1');
      },
      close: () => connection.end(),
    };
  },
  notification,
};

export const contenders: readonly Contender[] = [raw, holdfast, verrouOnKnex('mysql2')];
