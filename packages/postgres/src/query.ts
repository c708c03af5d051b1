import { setTimeout as delay } from 'node:timers/promises';
import type { LockInfo, LockSnapshot, RequestMode } from '@holdfast/core/adapter';
import type { Connection, Row } from './connection.ts';
import { keysOf } from './keys.ts';
import type { Statements } from './sql.ts';

/** For a lock that is held or awaited, but whose row is still being written; then it is left out. In ms. */
const PATIENCE_MS = 300;
const PAUSE_MS = 15;

/** `pg_locks` says who holds and who waits, the registry what they are called. */
export async function query(connection: Connection, statements: Statements, name?: string): Promise<LockSnapshot> {
  const { lock = null, permits = null } = name === undefined ? {} : keysOf(name);
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const rows = await connection.ask(statements.query, [lock, permits]);
    const isComplete = rows.every((row) => row['incomplete'] !== true);
    if (isComplete || performance.now() > until) return snapshotOf(rows, name);
    await delay(PAUSE_MS, undefined, { ref: false });
  }
}

function snapshotOf(rows: readonly Row[], name: string | undefined): LockSnapshot {
  const present = rows.filter((row) => row['present'] === true && (name === undefined || row['name'] === name));
  const held = present.filter(({ token }) => token !== null);
  const pending = present.filter(({ token }) => token === null);
  return {
    held: held.toSorted((a, b) => (BigInt(String(a['token'])) < BigInt(String(b['token'])) ? -1 : 1)).map(infoOf),
    pending: pending.toSorted(byPlace).map(infoOf),
  };
}

/** First who has the lock and waits for permits to come back, then the server's queue, then who waits within its process. */
function byPlace(a: Row, b: Row): number {
  return (
    Number(a['rank']) - Number(b['rank']) ||
    Number(a['waits'] ?? 0) - Number(b['waits'] ?? 0) ||
    Number(a['since']) - Number(b['since'])
  );
}

function infoOf(row: Row): LockInfo {
  return {
    name: String(row['name']),
    mode: row['mode'] as RequestMode,
    clientId: String(row['client_id']),
    host: String(row['host']),
    pid: Number(row['pid']),
    since: new Date(Number(row['since'])),
    ...(row['token'] === null ? {} : { fencingToken: BigInt(String(row['token'])) }),
    ...(row['permits'] === null ? {} : { permits: Number(row['permits']) }),
  };
}
