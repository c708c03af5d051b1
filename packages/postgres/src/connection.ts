import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Client } from 'pg';
import { cancel } from './cancel.ts';
import { ConnectionLostError, endsSession, isOfAnotherSession, poolsTransactions } from './errors.ts';
import { questionOf } from './question.ts';
import type { Fields, Parameter, Question } from './question.ts';
import type { Statement } from './sql.ts';

export type Row = Readonly<Record<string, string | number | boolean | null>>;
export type Value = string | number | boolean | null | readonly (string | number | null)[];

interface Query {
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
}

/** How a connection goes back to where it came from. Never rejects. `broken`: its state is not known, or the network is. */
export type GoodBye = (client: Client, broken: boolean) => Promise<void>;

/** A server session of our own. It is lost as soon as its socket is closed, and everything that was locked in it with it. */
export class Connection {
  readonly client: Client;
  /** Of the server process. */
  readonly pid: number;
  /** Random; by this mark others find in `pg_locks` what belongs to the session. */
  readonly id: number = randomInt(1, 2 ** 31 - 1);
  /** For how long it may be silent at the moment, in ms; then the server ends it. */
  idleMs: number;
  readonly #goodBye: GoodBye;
  readonly #Question: Question;
  readonly #onLost = new Set<(cause: unknown) => void>();
  readonly #onNotification = new Set<(channel: string, payload: string) => void>();
  readonly #ended = (): void => this.#lose(new ConnectionLostError('the connection was closed'));
  readonly #failed = (error: unknown): void => this.#lose(error);
  readonly #notified = ({ channel, payload = '' }: { channel: string; payload?: string | undefined }): void => {
    for (const listener of this.#onNotification) listener(channel, payload);
  };
  /** What was asked while something else was under way. */
  readonly #waiting: (() => void)[] = [];
  readonly #planned = new Set<string>();
  #busy = false;
  #latest: Promise<unknown> = Promise.resolve();
  #lost: unknown;
  #parted: Promise<void> | undefined;

  constructor(client: Client, pid: number, idleMs: number, goodBye: GoodBye) {
    this.client = client;
    this.pid = pid;
    this.idleMs = idleMs;
    this.#goodBye = goodBye;
    this.#Question = questionOf(client);
    client.on('end', this.#ended);
    client.on('error', this.#failed);
    client.on('notification', this.#notified);
    // An idle connection keeps no process alive; core does while a request is under way.
    (client as unknown as { unref(): void }).unref();
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Calls `listener` once, with why. */
  onLost(listener: (cause: unknown) => void): () => void {
    if (this.#lost !== undefined) queueMicrotask(() => listener(this.#lost));
    else this.#onLost.add(listener);
    return () => this.#onLost.delete(listener);
  }

  onNotification(listener: (channel: string, payload: string) => void): () => void {
    this.#onNotification.add(listener);
    return () => this.#onNotification.delete(listener);
  }

  /** Statements of one connection are carried out in the order in which they were asked. */
  ask({ name, text }: Statement, values: readonly Value[]): Promise<readonly Row[]> {
    return this.#inTurn(() => this.#query({ name, text, values: [...values] }));
  }

  /** For what every lock asks: the last row alone, its columns as texts, at a fraction of the cost. */
  fields(statement: Statement, values: readonly Parameter[]): Promise<Fields | undefined> {
    return this.#inTurn(() => this.#question(statement, values));
  }

  /**
   * Has the server plan, once, what is to be asked in haste: the first time costs it many times as much as each further one. Nothing is carried out
   * with `values`. Of no consequence if it fails: then what is asked fails, or takes longer.
   */
  plan(statement: Statement, values: readonly Parameter[]): void {
    if (this.#planned.has(statement.name)) return;
    this.#planned.add(statement.name);
    this.#inTurn(() => this.#question(statement, values, 'plan')).catch(() => undefined);
  }

  /** What takes no parameters, such as LISTEN. */
  async run(text: string): Promise<void> {
    await this.#inTurn(() => this.#query({ text }));
  }

  /** Resolves when all that was asked until now is answered, or the connection is lost. */
  answered(): Promise<void> {
    return this.#latest.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Of the statement that runs now. */
  cancel(timeoutMs: number): Promise<void> {
    return cancel(this.client, timeoutMs);
  }

  /** At once, without a word: the server finds out by the closed socket, or by the session's idle timeout. */
  destroy(cause: unknown = new ConnectionLostError('the connection was given up')): void {
    (this.client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
    this.#lose(cause);
  }

  /** Gives it back, or ends it. Nobody may use it any more. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#lost === undefined) {
      this.#lost = new ConnectionLostError('the connection was closed');
      this.#part(false);
    }
    await this.#parted;
  }

  /** All at once where pg can do that; else it wants to be asked one thing at a time. */
  #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const answer = this.#lost === undefined && isPipelined(this.client) ? ask() : this.#queued(ask);
    this.#latest = answer;
    return answer;
  }

  #queued<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const send = (): void => {
        if (this.#lost !== undefined) {
          reject(new ConnectionLostError('the connection is lost', { cause: this.#lost }));
          this.#next();
          return;
        }
        ask().then(
          (answer) => {
            this.#next();
            resolve(answer);
          },
          (error: unknown) => {
            this.#next();
            reject(error);
          },
        );
      };
      if (this.#busy) this.#waiting.push(send);
      else {
        this.#busy = true;
        send();
      }
    });
  }

  async #query(query: Query): Promise<readonly Row[]> {
    try {
      const { rows } = await this.client.query<Row>(query);
      return rows;
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #question(
    statement: Statement,
    values: readonly Parameter[],
    until?: 'plan' | 'answer',
  ): Promise<Fields | undefined> {
    return new Promise((resolve, reject) => {
      const onAnswer = (error: unknown, fields: Fields | undefined): void => {
        if (error === null) resolve(fields);
        else reject(this.#refused(error));
      };
      // Its types know only queries of their own making.
      (this.client as { query(question: object): unknown }).query(
        new this.#Question(statement, values, onAnswer, until),
      );
    });
  }

  /** What to tell who asked. */
  #refused(error: unknown): unknown {
    if (isOfAnotherSession(error)) {
      const refusal = poolsTransactions(error);
      this.destroy(refusal);
      return refusal;
    }
    // Whoever awaits this must not take the connection for a good one until the socket is seen to close.
    if (endsSession(error)) this.destroy(error);
    return error;
  }

  #next(): void {
    const send = this.#waiting.shift();
    this.#busy = send !== undefined;
    send?.();
  }

  #lose(cause: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = cause;
    this.#part(true);
    for (const listener of this.#onLost) listener(cause);
  }

  #part(broken: boolean): void {
    this.client.off('end', this.#ended).off('error', this.#failed).off('notification', this.#notified);
    this.#parted = this.#goodBye(this.client, broken);
  }
}

/** Since pg 8.22; its types do not know it yet. */
export function isPipelined(client: object): client is { pipeline: boolean } {
  return 'pipeline' in client && client.pipeline === true;
}
