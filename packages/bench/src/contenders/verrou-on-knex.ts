import type { Contender } from '../contender.ts';
import { versioned } from './versions.ts';

/** A row with an expiry, which waiters ask for by turns. */
export function verrouOnKnex(client: 'pg' | 'mysql2'): Contender {
  return {
    name: versioned('@verrou/core'),
    role: 'peer',
    async open(url, ttlMs) {
      const { Verrou } = await import('@verrou/core');
      const { knexStore } = await import('@verrou/core/drivers/knex');
      const { default: Knex } = await import('knex');
      const connection = Knex({ client, connection: url });
      const locks = new Verrou({ default: 'knex', stores: { knex: { driver: knexStore({ connection }) } } });
      return {
        async acquire(name) {
          const lock = locks.createLock(name, ttlMs);
          await lock.acquire();
          return () => lock.release();
        },
        close: () => connection.destroy(),
      };
    },
  };
}
