import { BackendUnavailableError } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';

export interface ConnectionsOptions {
  readonly max: number;
  /** How long a request waits for one that is in use, in ms. */
  readonly patienceMs: number;
  readonly open: () => Promise<Connection>;
}

interface Taker {
  readonly resolve: (connection: Connection | undefined) => void;
}

/** A connection that waits for its next use is kept for so long, and for no more than half of the time after which the server ends it. In ms. */
const PARKED_MS = 1500;

/** Never more than so many at once, of all kinds together. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #parked = new Map<Connection, NodeJS.Timeout>();
  readonly #all = new Set<Connection>();
  readonly #takers: Taker[] = [];
  #opening = 0;
  #isClosed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** One that nothing is locked in. Rejects when all are in use for longer than patience lasts, or when none can be opened. */
  async take(): Promise<Connection> {
    for (;;) {
      const parked = this.#unpark();
      if (parked !== undefined) return parked;
      if (this.#all.size + this.#opening < this.#options.max) return await this.#open();
      const given = await this.#wait();
      if (given !== undefined && !given.isLost) return given;
    }
  }

  /** Back, with nothing locked in it. */
  give(connection: Connection): void {
    if (connection.isLost) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker.resolve(connection);
      return;
    }
    const parkedMs = Math.min(PARKED_MS, connection.idleMs / 2);
    const timer = setTimeout(() => void this.end(connection), parkedMs).unref();
    this.#parked.set(connection, timer);
  }

  /** Ends it, with all that is locked in it. */
  async end(connection: Connection): Promise<void> {
    clearTimeout(this.#parked.get(connection));
    this.#parked.delete(connection);
    await connection.close();
    this.#gone(connection);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#all].map((connection) => this.end(connection)));
  }

  #unpark(): Connection | undefined {
    for (const [connection, timer] of this.#parked) {
      clearTimeout(timer);
      this.#parked.delete(connection);
      if (!connection.isLost) return connection;
    }
    return undefined;
  }

  async #open(): Promise<Connection> {
    this.#opening += 1;
    try {
      const connection = await this.#options.open();
      this.#all.add(connection);
      connection.onLost(() => this.#gone(connection));
      if (this.#isClosed) void this.end(connection);
      return connection;
    } catch (error) {
      // Who waits for a place may try its own luck.
      this.#takers.shift()?.resolve(undefined);
      throw error;
    } finally {
      this.#opening -= 1;
    }
  }

  #gone(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    clearTimeout(this.#parked.get(connection));
    this.#parked.delete(connection);
    this.#takers.shift()?.resolve(undefined);
  }

  #wait(): Promise<Connection | undefined> {
    return new Promise((resolve, reject) => {
      const { max, patienceMs } = this.#options;
      const timer = setTimeout(() => {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        reject(
          new BackendUnavailableError(
            `All ${max} connections of these locks have been in use for ${patienceMs} ms, by other ttls and by names that others ` +
              'want too: raise `connections`, or hold and await fewer such names at once',
          ),
        );
      }, patienceMs).unref();
      const taker: Taker = {
        resolve: (connection) => {
          clearTimeout(timer);
          resolve(connection);
        },
      };
      this.#takers.push(taker);
    });
  }
}
