import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '@holdfast/testbed';
import { describe, expect, test } from 'vitest';
import { after, one, open, optionsOf, raw } from './scene.ts';

describe('a server that is killed', () => {
  test('gives out no token twice, also where its write-ahead log had not reached the disk', async () => {
    const server = await startServer('postgres', { args: ['-c', 'wal_writer_delay=10000', '-c', 'autovacuum=off'] });
    after(() => server.stop());
    const options = optionsOf(server.url);
    const tokens: bigint[] = [];
    for (let round = 0; round < 3; round += 1) {
      const [locks, other] = [await open({ ...options, patience: '10s' }), await raw(options)];
      tokens.push(await tokenOf(locks));
      // Somebody who does not wait for the disk takes values until one is written ahead for the next 32: in memory only.
      await other.query('SET synchronous_commit = off');
      do await other.query(`SELECT nextval('holdfast.token')`);
      while ((await one<string>(other, 'SELECT log_cnt AS value FROM holdfast.token')) !== '32');
      const lock = await locks.acquire('a');
      tokens.push(lock.fencingToken);
      const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
      await server.kill();
      await lost;
      await server.restart();
    }
    const locks = await open({ ...options, patience: '10s' });
    tokens.push(await tokenOf(locks));
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => (a < b ? -1 : 1)));
  });

  test('looks for a token on the disk once for each record, not for each grant, whoever writes beside it', async () => {
    const server = await startServer('postgres', { args: ['-c', 'wal_writer_delay=10000', '-c', 'autovacuum=off'] });
    after(() => server.stop());
    const options = optionsOf(server.url);
    const [locks, other] = [await open(options), await raw(options)];
    await tokenOf(locks);
    await other.query('SET synchronous_commit = off');
    const transaction = async (): Promise<number> => Number(await one<string>(other, 'SELECT txid_current() AS value'));
    const [grants, first] = [40, await transaction()];
    for (let i = 0; i < grants; i += 1) {
      await tokenOf(locks);
      // From now on the log is ahead of the disk.
      await transaction();
    }
    // Each that has to be flushed is a transaction with a number of its own.
    const own = (await transaction()) - first - 1 - grants;
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThan(5);
  });

  test('and is back: the same client locks again, and who waited gets an error or the lock', async () => {
    const server = await startServer('postgres');
    after(() => server.stop());
    const options = optionsOf(server.url);
    const [holder, waiter] = [await open(options), await open(options)];
    const lock = await holder.acquire('a');
    const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
    const outcome = waiter.acquire('a').then(
      (next) => next.release(),
      (error: { code?: unknown }) => error.code,
    );
    await delay(100);
    await server.kill();
    expect([undefined, 'BACKEND_UNAVAILABLE']).toContain(await outcome);
    await lost;
    await lock.release();
    await server.restart();
    await (await holder.acquire('a')).release();
    await (await waiter.acquire('a')).release();
  });
});

async function tokenOf(locks: { acquire(name: string): Promise<{ fencingToken: bigint; release(): Promise<void> }> }) {
  const lock = await locks.acquire('a');
  await lock.release();
  return lock.fencingToken;
}
