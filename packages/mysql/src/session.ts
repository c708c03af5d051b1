import type { Socket } from 'node:net';
import type { Connection, QueryError } from 'mysql2';
import type { Dialect } from './dialect.ts';
import { ConnectionLostError, isGoodbye } from './errors.ts';

/** What is sent: text as bytes, so that neither `sql_mode` nor a collation changes it. */
export type Value = Buffer | number | string;

/** What a statement answers: rows as arrays, or what it changed. */
export type Row = readonly unknown[];
export interface Change {
  readonly affectedRows: number;
  readonly insertId: number | string;
}

export interface How {
  /** The session ends if there is no answer by then; `Infinity` for as long as it takes. */
  readonly timeoutMs?: number;
  /** Not prepared: one round trip also for the first time, for what is used as a proof. */
  readonly once?: boolean;
}

/** The server's limits for a session: how long it may be silent, and how long a lock wait may last, in s. */
export interface Limits {
  readonly idleS: number;
  readonly lockWaitS: number;
}

/** mysql2 does not declare its socket. */
export type Wire = Connection & { readonly stream: Socket };

/** One connection, used by one statement after the other. Once closed, by whomever, it stays so. */
export class Session {
  readonly id: number;
  readonly dialect: Dialect;
  limits: Limits;
  readonly #connection: Wire;
  readonly #timeoutMs: number;
  readonly #pending = new Set<(error: Error) => void>();
  readonly #listeners = new Set<() => void>();
  #over: Error | undefined;

  /** A statement that is not answered within `timeoutMs` ends the session. */
  constructor(connection: Wire, id: number, dialect: Dialect, limits: Limits, timeoutMs: number) {
    this.id = id;
    this.dialect = dialect;
    this.limits = limits;
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    const closed = (error?: Error): void => {
      this.#close(error ?? new Error('the server closed the connection'));
    };
    connection.on('error', closed);
    connection.on('end', () => closed());
    connection.stream.on('close', () => closed());
    // A packet may have come before anybody listened.
    if (connection.stream.destroyed) closed();
  }

  get isOpen(): boolean {
    return this.#over === undefined;
  }

  /** Calls `listener` once, when the session is over; at once if it is. */
  onClose(listener: () => void): void {
    if (this.#over !== undefined) listener();
    else this.#listeners.add(listener);
  }

  async rows(sql: string, values: readonly Value[] = [], how: How = {}): Promise<Row[]> {
    return (await this.#run(sql, values, how)) as Row[];
  }

  async change(sql: string, values: readonly Value[] = [], how: How = {}): Promise<Change> {
    return (await this.#run(sql, values, how)) as Change;
  }

  /** Sets what differs; nothing is sent if nothing does. */
  async limit(limits: Limits): Promise<void> {
    if (limits.idleS === this.limits.idleS && limits.lockWaitS === this.limits.lockWaitS) return;
    const { idleS, lockWaitS } = limits;
    await this.change(`SET SESSION wait_timeout = ${idleS}, innodb_lock_wait_timeout = ${lockWaitS}`);
    this.limits = limits;
  }

  /** The server rolls back what it held when it sees that the connection is closed. */
  destroy(): void {
    this.#close(new Error('this side closed the connection'));
  }

  #run(sql: string, values: readonly Value[], how: How): Promise<unknown> {
    const { timeoutMs = this.#timeoutMs, once = false } = how;
    if (this.#over !== undefined) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending.delete(lost);
      };
      const lost = (error: Error): void => {
        settle();
        reject(error);
      };
      this.#pending.add(lost);
      if (timeoutMs < Infinity) {
        timer = setTimeout(() => this.#close(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        timer.unref();
      }
      const answered = (error: QueryError | null, result: unknown): void => {
        settle();
        // With its number it is the server's answer, and the session goes on.
        if (error === null) resolve(result);
        else if (error.errno !== undefined && error.errno > 0 && !error.fatal && !isGoodbye(error.errno)) reject(error);
        else reject(this.#close(error));
      };
      const options = { sql, values: [...values], rowsAsArray: true, typeCast: true, namedPlaceholders: false };
      // What has parameters comes again: prepared, it costs the server about a third less.
      if (values.length > 0 && !once) this.#connection.execute(options, answered);
      else this.#connection.query(options, answered);
    });
  }

  #close(cause: Error): Error {
    if (this.#over !== undefined) return this.#over;
    const over = (this.#over = new ConnectionLostError(cause));
    // `destroy` alone would wait for the other side, which may be silent.
    this.#connection.destroy();
    this.#connection.stream.destroy();
    for (const lost of [...this.#pending]) lost(over);
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
    return over;
  }
}
