import { Lease } from '@holdfast/core/adapter';
import type { Grant, LockRequest, LossReason, RenewResult } from '@holdfast/core/adapter';
import { setTimeout as delay } from 'node:timers/promises';
import { renew, wasStolen } from '../sql.ts';
import type { Context, Hold } from './context.ts';

export interface MysqlGrant extends Grant {
  readonly lease: Lease;
  readonly hold: Hold;
  /** Its session is another's from now on. */
  readonly forget: () => void;
}

/** How long the reason of a loss may be looked for before the holder is told without it, in ms. */
const REASON_MS = 100;

/** A lease for what is held: it ends with the connection, at once when that closes and at the deadline when it is silent. */
export function grantOf(context: Context, hold: Hold, request: LockRequest): MysqlGrant {
  const { session, entry, token, provedAt } = hold;
  const lease = new Lease({
    ttlMs: request.ttlMs,
    provedAt,
    auto: request.renew,
    renew: () => renewed(context, hold),
  });
  // Over for the holder before it is for the server: the server is told by the end of the connection.
  lease.observe(({ type }) => type === 'lost' && session.destroy());
  const forget = session.onClose(() => {
    if (lease.state !== 'held' && lease.state !== 'unknown') return;
    reasonOf(context, entry).then(
      (reason) => lease.lose(reason),
      (error: unknown) => lease.lose('disconnected', error),
    );
  });
  return { fencingToken: token, lease, hold, forget };
}

/**
 * Without a limit of its own: a silent server is not a loss before the deadline, which destroys the session. Any statement
 * sets back the time for which the server lets the session be silent; this one proves that the transaction is still open, too.
 */
async function renewed({ tables }: Context, { session, entry }: Hold): Promise<RenewResult> {
  const rows = await session.rows(renew(tables), [entry], { timeoutMs: Infinity, once: true });
  return rows.length === 1 ? 'renewed' : 'expired';
}

/** The connection is closed. Whether a thief closed it is noted; who is next has two round trips yet before it holds. */
async function reasonOf({ desk, tables }: Context, entry: Buffer): Promise<LossReason> {
  const noted = desk.rows(wasStolen(tables), [entry]).then((rows) => rows.length > 0);
  const isStolen = await Promise.race([noted, delay(REASON_MS, false, { ref: false })]);
  return isStolen ? 'stolen' : 'disconnected';
}
