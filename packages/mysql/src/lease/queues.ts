import { apply, emptyQueue, find, monotonicMs } from '@holdfast/core/adapter';
import type { QueueEntry, QueueEvent, QueueState } from '@holdfast/core/adapter';
import type { Application, Connections } from '../connections.ts';
import type { Desk } from '../desk.ts';
import { ER, errorNumber, isLost } from '../errors.ts';
import type { Tables } from '../schema.ts';
import type { Row, Session, Value } from '../session.ts';
import { createQueue, lockQueue, readQueue, readQueues, readSome, renewHolds, writeQueue } from './sql.ts';
import { decode, encode, expiryPath } from './state.ts';

type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never;
/** Its time is the server's, once the row is locked. */
export type Untimed = Without<QueueEvent, 'time' | 'wallMicros'>;

/** What became of an event. */
export interface Outcome {
  /** The owner's entry before and after. */
  readonly before: QueueEntry | undefined;
  readonly after: QueueEntry | undefined;
  /** On the monotonic clock, before the server's clock was read. */
  readonly startedAt: number;
}

/** Of a hold. Those that are renewed together are of different names. */
export interface Renewal {
  readonly name: string;
  readonly owner: string;
  readonly ttlMs: number;
}

export interface Seen {
  readonly state: QueueState;
  /** The server's clock, in ms. */
  readonly time: number;
}

/** A client that goes silent with the row locked loses it after so long; nobody else can use the name meanwhile. In s. */
const LIMITS = { idleS: 2, lockWaitS: 10 };
/** Events are safe to apply twice, so one whose answer was lost is sent again. */
const ATTEMPTS = 3;
const NAMES_PER_READ = 100;

/** The queues of `mode: 'lease'`: one row each, changed by short transactions one after the other. */
export class Queues {
  readonly #connections: Connections;
  readonly #desk: Desk;
  readonly #tables: Tables;

  constructor(connections: Connections, desk: Desk, tables: Tables) {
    this.#connections = connections;
    this.#desk = desk;
    this.#tables = tables;
  }

  /** Nothing is written once `signal` has aborted, however late the server answers. */
  change(name: string, event: Untimed, owner: string, signal?: AbortSignal): Promise<Outcome> {
    return this.#with({ signal }, (session) => this.#transaction(session, Buffer.from(name), event, owner, signal));
  }

  /** When the statement that renewed them began, on the monotonic clock; `undefined` if one of them is there no more. */
  async renew(holds: readonly Renewal[], signal?: AbortSignal): Promise<number | undefined> {
    const values = holds.flatMap(({ name, owner, ttlMs }) => [
      Buffer.from(name),
      expiryPath(owner),
      String(Math.ceil(ttlMs)),
    ]);
    return await this.#with({ signal, isUrgent: true }, async (session) => {
      const startedAt = monotonicMs();
      const { affectedRows } = await session.change(renewHolds(this.#tables, holds.length), values, { once: true });
      return affectedRows === holds.length ? startedAt : undefined;
    });
  }

  async read(name: string, signal?: AbortSignal): Promise<Seen> {
    const [row] = await this.#rows(readQueue(this.#tables), [Buffer.from(name)], signal);
    return row === undefined ? { state: emptyQueue(), time: 0 } : seen(row);
  }

  /** Who is in these queues. */
  async owners(names: readonly string[]): Promise<Set<string>> {
    const owners = new Set<string>();
    for (let at = 0; at < names.length; at += NAMES_PER_READ) {
      const batch = names.slice(at, at + NAMES_PER_READ).map((name) => Buffer.from(name));
      // Filled up to one length, so that there is one statement to prepare.
      const filled = Array.from({ length: NAMES_PER_READ }, (_, i) => batch[i] ?? (batch[0] as Buffer));
      const rows = await this.#rows(readSome(this.#tables, NAMES_PER_READ), filled);
      for (const [state] of rows) for (const { owner } of decode(String(state)).entries) owners.add(owner);
    }
    return owners;
  }

  async all(): Promise<(Seen & { readonly name: string })[]> {
    const rows = await this.#rows(readQueues(this.#tables), []);
    return rows.map((row) => ({ ...seen(row), name: String(row[2]) }));
  }

  #rows(sql: string, values: readonly Value[], signal?: AbortSignal): Promise<Row[]> {
    return this.#with({ signal }, (session) => session.rows(sql, values));
  }

  async #with<T>(application: Application, work: (session: Session) => Promise<T>): Promise<T> {
    await this.#desk.ready();
    for (let attempt = 1; ; attempt += 1) {
      const session = await this.#connections.use(LIMITS, application);
      try {
        const result = await work(session);
        this.#connections.keep(session);
        return result;
      } catch (error) {
        // Behind what it may still be doing; the next who asks gets another one meanwhile.
        this.#connections.done(session).catch(() => undefined);
        application.signal?.throwIfAborted();
        const isDeadlock = errorNumber(error) === ER.LOCK_DEADLOCK;
        if (attempt >= ATTEMPTS || !(isDeadlock || isLost(error))) throw error;
      }
    }
  }

  async #transaction(
    session: Session,
    name: Buffer,
    event: Untimed,
    owner: string,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    await session.change('START TRANSACTION');
    for (;;) {
      signal?.throwIfAborted();
      const startedAt = monotonicMs();
      const [row] = await session.rows(lockQueue(this.#tables), [name]);
      if (row === undefined) {
        await session.change(createQueue(this.#tables), [name, encode(emptyQueue())]);
        // Not kept locked: whoever else created it shares its lock, and to want more than that would be a deadlock.
        await session.change('COMMIT AND CHAIN');
        continue;
      }
      signal?.throwIfAborted();
      const { state, time } = seen(row);
      const known = find(state, owner);
      const before = known === undefined ? undefined : { ...known };
      apply(state, { ...event, time, wallMicros: BigInt(String(row[1])) });
      await session.change(writeQueue(this.#tables), [String(state.token), encode(state), name]);
      await session.change('COMMIT');
      return { before, after: find(state, owner), startedAt };
    }
  }
}

function seen([state, micros]: Row): Seen {
  return { state: decode(String(state)), time: Number(BigInt(String(micros)) / 1000n) };
}
