import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import { elsewhere } from './attempt.ts';
import type { Connection } from './connection.ts';
import { ConnectionLostError, isCancelled } from './errors.ts';
import type { Hold } from './hold.ts';
import type { Keys } from './keys.ts';
import { LockSession } from './session.ts';
import type { SessionContext } from './session.ts';
import { CONFIRM_MS, ELSEWHERE } from './sql.ts';
import type { Statements } from './sql.ts';

/** A wait that can't be cancelled for so long is given up, and the connection with it. In ms. */
const CANCEL_MS = 500;
const AGAIN_MS = 10;

/** A statement that is blocked in the server's queue of a name, on a connection that has nothing else to do. */
export class BlockedWait {
  /** `false`: cancelled, by us or by somebody else; nothing is locked. Rejects when the connection is lost. */
  readonly result: Promise<boolean>;
  readonly #context: SessionContext;
  readonly #connection: Connection;
  /** Of the hold before this wait, on the same connection: a cancel would hit its unlock. */
  readonly #before: Promise<void>;
  #cancelling: Promise<void> | undefined;
  #isSettled = false;

  constructor(context: SessionContext, connection: Connection, keys: Keys, mode: Hold['mode']) {
    this.#context = context;
    this.#connection = connection;
    if (mode !== 'semaphore') planHold(context.statements, connection, keys, mode);
    this.#before = connection.answered();
    this.result = this.#run(keys, mode).finally(() => {
      this.#isSettled = true;
    });
  }

  /** Resolves when nothing is locked and nothing waits, or when it was granted after all, which `result` tells. */
  async cancel(): Promise<void> {
    try {
      const isClear = this.#before.then(() => true);
      if (!(await Promise.race([isClear, delay(CANCEL_MS, false, { ref: false })])))
        throw new Error('the server does not answer');
      const until = monotonicMs() + CANCEL_MS;
      while (!this.#isSettled) {
        if (monotonicMs() > until) throw new Error('the server does not cancel the wait');
        this.#cancelling = this.#connection.cancel(CANCEL_MS);
        await this.#cancelling;
        // A cancel may be faster than the statement itself, and then hits nothing.
        await Promise.race([this.result, delay(AGAIN_MS, undefined, { ref: false })]);
      }
    } catch (error) {
      // Lost already, or without an answer of no use.
      this.#connection.destroy(error);
    }
  }

  async #run(keys: Keys, mode: Hold['mode']): Promise<boolean> {
    const connection = this.#connection;
    const { statements } = this.#context;
    connection.idleMs = CONFIRM_MS;
    try {
      const fields =
        mode === 'semaphore'
          ? await connection.fields(statements.waitPermit, [keys.lock, connection.pid])
          : await connection.fields(mode === 'shared' ? statements.waitShared : statements.waitExclusive, [
              keys.lock,
              keys.permits,
              connection.pid,
            ]);
      if (fields === undefined) throw elsewhere({ connection });
      // A cancel request that is still under way would hit whatever is asked next.
      await this.#cancelling?.catch(() => undefined);
      return true;
    } catch (error) {
      if (!isCancelled(error)) throw error;
      await this.#cancelling?.catch(() => undefined);
      // The cancel may have come after the grant: then the statement failed, but the session has the lock.
      await uncancelled(() => connection.ask(statements.unlockAll, [connection.id]));
      return false;
    }
  }
}

/** What comes between a release and the next hold, while nobody waits for it: confirming the grant, unlocking, and the row of the registry. */
function planHold(statements: Statements, connection: Connection, { lock }: Keys, mode: 'exclusive' | 'shared'): void {
  connection.plan(statements.confirm, [CONFIRM_MS, connection.pid]);
  connection.plan(mode === 'shared' ? statements.unlockShared : statements.unlock, [lock]);
  connection.plan(statements.unlist, ['{}']);
}

/**
 * Proves that the session that was granted a lock is alive, and begins its lease: from the start of this statement on the server waits for the
 * ttl. Nobody knows how old the answer is that told of the grant, because the process may have slept since.
 */
export async function confirmed(
  context: SessionContext,
  connection: Connection,
  { ttlMs, renew }: { readonly ttlMs: number; readonly renew: boolean },
): Promise<{ readonly session: LockSession; readonly token: bigint }> {
  const { statements, patience } = context;
  const provedAt = monotonicMs();
  const work = uncancelled(() => connection.fields(statements.confirm, [Math.floor(ttlMs), connection.pid]));
  const token = BigInt((await patience.bound(work))?.[0] ?? ELSEWHERE);
  if (token < 0n) throw elsewhere({ connection });
  if (connection.isLost) throw new ConnectionLostError('lost as it was granted the lock');
  return { session: new LockSession(context, connection, { ttlMs, renew, provedAt, isDedicated: true }), token };
}

/** A cancel by somebody else may hit any statement. */
export async function uncancelled<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isCancelled(error)) throw error;
    }
  }
}
