import type { Lock } from '@holdfast/core';
import { expect, test } from 'vitest';
import { setBalance, TABLE } from '../dist/fenced-sql.js';
import type { Database } from '../dist/fenced-sql.js';
import { database } from './database.ts';
import type { Scope } from './program.ts';
import { twoHosts } from './two-hosts.ts';

type Write = (database: Database, id: string, balance: number, lock: Lock) => Promise<unknown>;

test('a write that was under way when its holder lost the lock is refused when it arrives', async (scope) => {
  const { outcome, balance } = await lateWrite(scope, setBalance);
  expect([outcome, balance]).toEqual(['StaleTokenError', '200']);
});

test('without the fence it overwrites what the next holder has written', async (scope) => {
  const unfenced: Write = (client, id, balance) =>
    client.query('UPDATE account SET balance = $1 WHERE id = $2', [balance, id]);
  const { outcome, balance } = await lateWrite(scope, unfenced);
  expect([outcome, balance]).toEqual(['written', '100']);
});

/** The older holder writes 100, the newer one 200; 100 arrives last. */
async function lateWrite(scope: Scope, write: Write): Promise<{ outcome: string; balance: unknown }> {
  const { schema, server, connect } = await database(scope);
  const { lost, resource, cutOff, next, restore } = await twoHosts(scope, server);
  const [slow, direct] = [await connect(resource), await connect()];
  await direct.query(`CREATE SCHEMA ${schema}; ${TABLE}; INSERT INTO account (id, balance) VALUES ('alice', 0)`);

  cutOff();
  expect(lost.held).toBe(true);
  const writing = write(slow, 'alice', 100, lost);
  const lock = await next();
  expect(lost.held).toBe(false);
  await write(direct, 'alice', 200, lock);

  await restore();
  const outcome = await writing.then(
    () => 'written',
    (error: Error) => error.name,
  );
  const { rows } = await direct.query<{ balance: string }>(`SELECT balance FROM account WHERE id = 'alice'`);
  return { outcome, balance: rows[0]?.balance };
}
