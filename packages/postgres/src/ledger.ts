import { monotonicMs } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import type { Statements } from './sql.ts';

/** After a write that failed, for which somebody may keep the registry locked. In ms. */
const REST_MS = 1000;

/**
 * What a session writes into the registry: one statement at a time, and for a while none after one has failed. Its heartbeat and its
 * locks come behind it on the same connection, and must not wait for long for what decides nothing.
 */
export class Ledger {
  readonly #connection: Connection;
  readonly #statements: Statements;
  /** The statement under way; never rejects. */
  #writing: Promise<void> | undefined;
  /** Owners whose rows are yet to be deleted. */
  #gone: string[] = [];
  #restsUntil = 0;

  constructor(connection: Connection, statements: Statements) {
    this.#connection = connection;
    this.#statements = statements;
  }

  /** Never rejects: what can't be written is not shown. */
  async list(rows: string): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#isResting) return;
    await this.#write(async () => {
      await this.#connection.ask(this.#statements.list, [rows]);
    });
    await this.#strike();
  }

  /** Sent at once if nothing is under way: behind the unlock, and before whatever is locked next. Never rejects. */
  async unlist(owner: string): Promise<void> {
    this.#gone.push(owner);
    while (this.#writing !== undefined) await this.#writing;
    await this.#strike();
  }

  /** Whether a row is yet to be deleted, behind what is asked meanwhile. */
  get isBehind(): boolean {
    return this.#gone.length > 0;
  }

  get #isResting(): boolean {
    return this.#connection.isLost || monotonicMs() < this.#restsUntil;
  }

  /** All at once; those that can't be deleted go with the next. */
  async #strike(): Promise<void> {
    if (this.#gone.length === 0 || this.#isResting) return;
    const owners = this.#gone;
    this.#gone = [];
    await this.#write(async () => {
      try {
        await this.#connection.ask(this.#statements.unlist, [owners]);
      } catch (error) {
        this.#gone.push(...owners);
        throw error;
      }
    });
  }

  #write(work: () => Promise<void>): Promise<void> {
    const writing = work().then(
      () => {
        this.#writing = undefined;
      },
      () => {
        this.#writing = undefined;
        this.#restsUntil = monotonicMs() + REST_MS;
      },
    );
    this.#writing = writing;
    return writing;
  }
}
