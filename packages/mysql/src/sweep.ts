import type { Connections } from './connections.ts';
import type { Desk } from './desk.ts';
import { isLost, isRefused } from './errors.ts';
import type { Tables } from './schema.ts';
import type { Session } from './session.ts';
import { deleteTheftNotes, deleteUnused, lockUnused, unused } from './sql.ts';

export interface SweepOptions {
  readonly desk: Desk;
  readonly connections: Connections;
  readonly tables: Tables;
  /** Which tables hold a row per name; the first one's is locked before any is deleted. */
  readonly kept: 'lock' | 'queue';
  /** How long rows are kept after their last use, in ms. */
  readonly keepMs: number;
}

/** The first sweep of a client comes after a minute, or after `keep` if that is shorter; then one an hour. In ms. */
const FIRST_MS = 60_000;
const NEXT_MS = 3_600_000;
/** Of one sweep. */
const MOST_NAMES = 1000;
const LIMITS = { idleS: 5, lockWaitS: 1 };

/** Deletes the rows of names that nobody has used for a while. Harmless at any time, and by many at once. */
export class Sweep {
  readonly #options: SweepOptions;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#schedule(Math.min(FIRST_MS, options.keepMs));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      // Rows that stay cost some space; the next sweep comes by them again.
      this.#run()
        .catch(() => undefined)
        .finally(() => this.#schedule(Math.min(NEXT_MS, this.#options.keepMs)));
    }, ms);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    const { desk, connections, tables, keepMs, kept } = this.#options;
    // A client that has not been used has no connection, and opens none for this.
    if (!desk.isOpen && !connections.isOpen) return;
    const keepMicros = String(keepMs * 1000);
    await desk.change(deleteTheftNotes(tables), [keepMicros]);
    const names = await desk.rows(unused(tables, kept, MOST_NAMES), [keepMicros]);
    if (names.length === 0) return;
    const session = await connections.use(LIMITS, {});
    try {
      await session.limit(LIMITS);
      for (const [name] of names) await this.#delete(session, name as Buffer, keepMicros);
    } finally {
      await connections.done(session);
    }
  }

  /** Whoever queued up at the row meanwhile finds it gone, and creates it anew: its token goes on by the clock. */
  async #delete(session: Session, name: Buffer, keepMicros: string): Promise<void> {
    const { tables, kept } = this.#options;
    try {
      await session.change('START TRANSACTION');
      // Held, or waited for: not unused.
      await session.rows(lockUnused(tables, kept), [name]);
      for (const sql of deleteUnused(tables, kept)) await session.change(sql, [name, keepMicros]);
      await session.change('COMMIT');
    } catch (error) {
      if (isLost(error)) throw error;
      await session.change('ROLLBACK');
      if (!isRefused(error)) throw error;
    }
  }
}
