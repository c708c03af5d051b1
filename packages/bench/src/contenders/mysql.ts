import type { Connection } from 'mysql2/promise';
import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { Pool } from '../pool.ts';
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

const TABLES = `
CREATE TABLE IF NOT EXISTS bench_row (name VARBINARY(100) PRIMARY KEY) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS bench_least (name VARBINARY(100) PRIMARY KEY, token BIGINT NOT NULL) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS bench_holder (name VARBINARY(100) PRIMARY KEY, who VARBINARY(300)) ENGINE = InnoDB`;

const literal = (lock: string): string => `x'${Buffer.from(lock).toString('hex')}'`;
const draw = (name: string): string =>
  `INSERT INTO bench_least VALUES (${name}, 1) ON DUPLICATE KEY UPDATE token = LAST_INSERT_ID(token + 1)`;
const register = (name: string): string => `INSERT INTO bench_holder VALUES (${name}, REPEAT('x', 150))`;

/** `acquiring`: one message, of a name as SQL has it. */
function floor(name: string, acquiring: (name: string) => string): Contender {
  return {
    name,
    role: 'floor',
    only: ['latency'],
    async open(url) {
      const { createConnection } = await import('mysql2/promise');
      const connection = await createConnection({ uri: url, multipleStatements: true });
      await connection.query(TABLES);
      return {
        async acquire(lock) {
          await connection.query(acquiring(literal(lock)));
          return () => connection.query('ROLLBACK');
        },
        close: () => connection.end(),
      };
    },
  };
}

const lockCounter = (name: string): string =>
  `${draw(name)}; START TRANSACTION; SELECT token FROM bench_least WHERE name = ${name} FOR UPDATE`;

/** The least that a lock can be whose token survives a crash of the server: drawn and committed first, in one message with the lock. */
const least = floor('a committed counter and SELECT … FOR UPDATE', lockCounter);

/** By that row others see who holds, and the holder that it is still the same transaction that does. */
const registered = floor('the same with a row of who holds', (name) => `${lockCounter(name)}; ${register(name)}`);

/** The token of who is next is committed while the lock is held, so that the row to lock is another one than the token's: a name has both. */
const twoRows = floor(
  'the same with a row to lock beside the counter',
  (name) =>
    `START TRANSACTION; ${draw(name)}; INSERT IGNORE INTO bench_row VALUES (${name}); COMMIT;
     START TRANSACTION; SELECT name FROM bench_row WHERE name = ${name} FOR UPDATE; ${register(name)}`,
);

/**
 * Each waits for the row on a connection of its own; then the token is committed on another one, as the transaction that holds can't, and then the
 * first is asked whether it still holds.
 */
const handedOver: Contender = {
  name: 'SELECT … FOR UPDATE and a committed counter and a question',
  role: 'floor',
  only: ['hand-over'],
  async open(url) {
    const { createConnection } = await import('mysql2/promise');
    const counter = await createConnection({ uri: url, multipleStatements: true });
    await counter.query(TABLES);
    const pool = new Pool(() => createConnection({ uri: url, multipleStatements: true }));
    return {
      async acquire(lock) {
        const name = literal(lock);
        const connection = await pool.take();
        await connection.query(`INSERT IGNORE INTO bench_row VALUES (${name})`);
        await connection.query(`START TRANSACTION; SELECT name FROM bench_row WHERE name = ${name} FOR UPDATE`);
        await counter.query(draw(name));
        await connection.query('SELECT 1');
        return async () => {
          await connection.query('ROLLBACK');
          pool.give(connection);
        };
      },
      close: () => Promise.all([counter.end(), pool.close((connection) => connection.end())]),
    };
  },
};

export const contenders: readonly Contender[] = [
  raw,
  least,
  registered,
  twoRows,
  handedOver,
  holdfast,
  verrouOnKnex('mysql2'),
];
