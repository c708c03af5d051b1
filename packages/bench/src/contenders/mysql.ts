import { createConnection } from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { verrouOnKnex } from './verrou-on-knex.ts';

/** A transaction that locks is three statements at least: one that locks, one for the token, one that ends it. */
const raw: Contender = {
  name: 'three SELECT 1',
  role: 'raw',
  async open(url) {
    const connection = await createConnection(url);
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

/** From the release of a user lock until the statement that it blocked returns. */
async function notification(url: string): Promise<Notification> {
  const [holder, waiter] = [await createConnection(url), await createConnection(url)];
  const take = async (connection: Connection): Promise<void> =>
    void (await connection.execute(`SELECT GET_LOCK('bench', 10)`));
  const free = async (connection: Connection): Promise<void> =>
    void (await connection.execute(`SELECT RELEASE_LOCK('bench')`));
  return {
    async once() {
      await take(holder);
      const blocked = take(waiter).then(() => performance.now());
      await new Promise((resolve) => setTimeout(resolve, 20));
      const startedAt = performance.now();
      await free(holder);
      const took = (await blocked) - startedAt;
      await free(waiter);
      return took;
    },
    close: () => Promise.all([holder.end(), waiter.end()]),
  };
}

export const mysqlContenders: readonly Contender[] = [raw, holdfast, verrouOnKnex('mysql2')];
