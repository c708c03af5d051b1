import type { Socket } from 'node:net';
import { monotonicMs } from '@holdfast/core/adapter';
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
  /** The session ends if there is no answer by then; `Infinity` for as long as it takes. Default: that of the session. */
  readonly timeoutMs?: number;
  /** Not prepared: one round trip also for the first time, for what is used as a proof. */
  readonly once?: boolean;
}

/** The server's limits for a session: how long it may be silent, and how long a lock wait may last, in s. */
export interface Limits {
  readonly idleS: number;
  readonly lockWaitS: number;
}

/** mysql2 does not declare its socket, nor all of its configuration. */
export type Wire = Connection & {
  readonly stream: Socket;
  readonly config: { readonly multipleStatements?: boolean; readonly namedPlaceholders?: boolean };
};

type Answered = (error: QueryError | null, result: unknown) => void;

/** A statement that is not answered yet. */
interface Pending {
  /** On the monotonic clock. */
  readonly until: number;
  readonly lost: (error: Error) => void;
}

/** One connection, used by one statement after the other. Once closed, by whomever, it stays so. */
export class Session {
  readonly id: number;
  readonly dialect: Dialect;
  limits: Limits;
  readonly #connection: Wire;
  readonly #timeoutMs: number;
  readonly #pending = new Set<Pending>();
  #isWatched = false;
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

  /** Calls `listener` once, when the session is over, at once if it is; until the returned function is called. */
  onClose(listener: () => void): () => void {
    if (this.#over !== undefined) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async rows(sql: string, values: readonly Value[] = [], how: How = {}): Promise<Row[]> {
    return (await this.#run(sql, values, how)) as Row[];
  }

  async change(sql: string, values: readonly Value[] = [], how?: How): Promise<Change> {
    const isPlain = values.length === 0 && how === undefined;
    return (await (isPlain ? this.#tell(sql) : this.#run(sql, values, how ?? {}))) as Change;
  }

  /** Whether {@link changes} may be asked; a pool's owner need not have allowed it. */
  get takesSeveral(): boolean {
    return this.#connection.config.multipleStatements === true;
  }

  /**
   * Several statements that change something, in one round trip; the first that fails is the last. `pieces`: the text around the
   * values, which are never a text of anybody's: bytes are sent as hexadecimal digits.
   */
  async changes(pieces: readonly string[], values: readonly (Buffer | number)[]): Promise<readonly Change[]> {
    const text = pieces.map((piece, at) => (at === 0 ? piece : `${literal(values[at - 1])}${piece}`)).join('');
    return (await this.#tell(text)) as readonly Change[];
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

  #run(sql: string, values: readonly Value[], { timeoutMs, once = false }: How): Promise<unknown> {
    return this.#send(timeoutMs, (answered) => {
      const options = { sql, values: values as Value[], rowsAsArray: true, typeCast: true, namedPlaceholders: false };
      // What has parameters comes again: prepared, it costs the server about a third less.
      if (values.length > 0 && !once) this.#connection.execute(options, answered);
      else this.#connection.query(options, answered);
    });
  }

  /** What has no parameters and brings no rows: mysql2 copies no options for it, and looks for no placeholders where the values are null. */
  #tell(sql: string): Promise<unknown> {
    if (this.#connection.config.namedPlaceholders === true) return this.#run(sql, [], {});
    return this.#send(undefined, (answered) => this.#connection.query(sql, null, answered));
  }

  #send(timeoutMs = this.#timeoutMs, send: (answered: Answered) => unknown): Promise<unknown> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      const statement: Pending = { until: monotonicMs() + timeoutMs, lost: reject };
      this.#pending.add(statement);
      if (timeoutMs < Infinity && !this.#isWatched) this.#watch(timeoutMs);
      send((error, result) => {
        this.#pending.delete(statement);
        // With its number it is the server's answer, and the session goes on.
        if (error === null) resolve(result);
        else if (error.errno !== undefined && error.errno > 0 && !error.fatal && !isGoodbye(error.errno)) reject(error);
        else reject(this.#close(error));
      });
    });
  }

  /** One timer for all that is asked: each statement would else cost one. */
  #watch(ms: number): void {
    this.#isWatched = true;
    setTimeout(() => {
      this.#isWatched = false;
      const earliest = Math.min(...[...this.#pending].map(({ until }) => until));
      const remainingMs = earliest - monotonicMs();
      if (remainingMs <= 0) this.#close(new Error(`no answer within ${this.#timeoutMs} ms`));
      else if (remainingMs < Infinity) this.#watch(remainingMs);
    }, Math.ceil(ms)).unref();
  }

  #close(cause: Error): Error {
    if (this.#over !== undefined) return this.#over;
    const over = (this.#over = new ConnectionLostError(cause));
    // `destroy` alone would wait for the other side, which may be silent.
    this.#connection.destroy();
    this.#connection.stream.destroy();
    for (const { lost } of this.#pending) lost(over);
    this.#pending.clear();
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
    return over;
  }
}

function literal(value: Buffer | number | undefined): string {
  return Buffer.isBuffer(value) ? `X'${value.toString('hex')}'` : String(value);
}
