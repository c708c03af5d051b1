import { Verrou } from '@verrou/core';
import { knexStore } from '@verrou/core/drivers/knex';
import Knex from 'knex';
import type { Contender } from '../contender.ts';
import { versioned } from './versions.ts';

/** A row with an expiry, which waiters ask for by turns. */
export function verrouOnKnex(client: 'pg' | 'mysql2'): Contender {
  return {
    name: versioned('@verrou/core'),
    role: 'peer',
    open(url) {
      const connection = Knex({ client, connection: url });
      const locks = new Verrou({ default: 'knex', stores: { knex: { driver: knexStore({ connection }) } } });
      return Promise.resolve({
        async acquire(name) {
          const lock = locks.createLock(name, 30_000);
          await lock.acquire();
          return () => lock.release();
        },
        close: () => connection.destroy(),
      });
    },
  };
}
