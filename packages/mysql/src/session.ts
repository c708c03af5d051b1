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

/** A statement that comes again, prepared by the server under this name when a connection first uses it. */
export interface Prepared {
  readonly name: string;
  readonly sql: () => string;
  /** Bytes are sent as hexadecimal digits; a text is an expression, and never one of anybody's. */
  readonly values: readonly Value[];
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
  readonly #prepared = new Set<string>();
  #preparesApart = false;
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
   * Several statements that change something, in one round trip also for the first time; the first that fails is the last. Prepared in SQL,
   * because the driver sends a prepared statement only after the answer to the one before.
   */
  async changes(...asked: readonly (Prepared | string)[]): Promise<readonly Change[]> {
    const unknown = asked.filter((each) => typeof each !== 'string').filter(({ name }) => !this.#prepared.has(name));
    const text = unknown.map(({ name, sql }) => `PREPARE ${name} FROM '${sql().replaceAll("'", "''")}'`);
    const learn = (): void => unknown.forEach(({ name }) => this.#prepared.add(name));
    if (unknown.length > 0 && this.#preparesApart) {
      await this.#tell(text.splice(0).join(';\n'));
      learn();
    }
    const last: number[] = [];
    for (const each of asked) {
      if (typeof each === 'string') text.push(each);
      else text.push(...this.dialect.execute(each.name, each.values.map(literal)));
      last.push(text.length - 1);
    }
    // Which of them failed is not told: the next time it is to be known what is prepared.
    this.#preparesApart = unknown.length > 0;
    const answer = await this.#tell(text.join(';\n'));
    this.#preparesApart = false;
    learn();
    const answers = (text.length === 1 ? [answer] : answer) as readonly Change[];
    return last.map((at) => answers[at] as Change);
  }

  /** In one round trip, where {@link changes} may be asked. */
  async changePrepared(asked: Prepared): Promise<Change> {
    if (!this.takesSeveral) return await this.change(asked.sql(), asked.values);
    if (!this.#prepared.has(asked.name)) return (await this.changes(asked))[0] as Change;
    const text = this.dialect.execute(asked.name, asked.values.map(literal));
    const answer = await this.#tell(text.join(';\n'));
    return (text.length === 1 ? answer : (answer as Change[]).at(-1)) as Change;
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

function literal(value: Value): string {
  return Buffer.isBuffer(value) ? `X'${value.toString('hex')}'` : String(value);
}
