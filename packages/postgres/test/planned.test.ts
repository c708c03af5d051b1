import { startServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { after, one, open, optionsOf, raw, WAITING } from './scene.ts';

/** The proof after a wait, the unlock, the deletion of a row, as the server keeps them: without constants. */
const IN_HASTE = String.raw`query ~ 'pg_backend_pid\(\) <> \$2::int THEN \S+\s+WHEN set_config|^SELECT pg_advisory_unlock\(\$1::bigint\) AS done|^DELETE FROM \S+ WHERE owner'`;

test('what comes between a release and the next hold is planned while it is waited for, and once for each connection', async () => {
  const args = ['shared_preload_libraries=pg_stat_statements', 'pg_stat_statements.track_planning=on'];
  const server = await startServer('postgres', { args: args.flatMap((arg) => ['-c', arg]) });
  after(() => server.stop());
  const options = optionsOf(server.url);
  const [holder, waiter, admin] = [await open(options), await open(options), await raw(options)];
  await admin.query('CREATE EXTENSION pg_stat_statements');
  const held = await holder.acquire('a');
  await admin.query('SELECT pg_stat_statements_reset()');
  const waiting = waiter.acquire('a');
  await expect.poll(() => one<number>(admin, WAITING)).toBe(1);
  const { rows: before } = await admin.query(`SELECT plans, rows FROM pg_stat_statements WHERE ${IN_HASTE}`);
  expect(before).toEqual(Array.from({ length: 3 }, () => ({ plans: '1', rows: '0' })));

  await held.release();
  await (await waiting).release();
  for (let i = 0; i < 10; i += 1) {
    const first = await holder.acquire('a');
    const next = waiter.acquire('a');
    await expect.poll(() => one<number>(admin, WAITING)).toBe(1);
    await first.release();
    await (await next).release();
  }
  const { rows: sums } = await admin.query(
    `SELECT sum(rows)::int > 20 AS many, max(plans)::int AS most FROM pg_stat_statements WHERE ${IN_HASTE}`,
  );
  // The waiter's one connection, and for what a release asks that of the first holder.
  expect(sums).toEqual([{ many: true, most: 2 }]);
});
