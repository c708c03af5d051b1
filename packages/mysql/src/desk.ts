import { BackendUnavailableError } from '@holdfast/core/adapter';
import type { Source } from './connect.ts';
import { ER, errorNumber, isLost, unavailable } from './errors.ts';
import { createTables } from './schema.ts';
import type { Tables } from './schema.ts';
import type { Change, Row, Session, Value } from './session.ts';
import { draw } from './sql.ts';

/** The server closes it when it is silent for so long, in s. */
const IDLE_S = 60;
/** No statement of the desk waits for a lock that anybody keeps. In s. */
const LOCK_WAIT_S = 5;

export interface DeskOptions {
  readonly source: Source;
  readonly tables: Tables;
  readonly migration: string;
  /** How long it is kept open unused, in ms. */
  readonly idleMs: number;
}

/**
 * The one connection of a backend for what is no lock, shared by all: tokens, looks at the registry, kills. Each statement
 * is a transaction of its own, and harmless when done twice.
 */
export class Desk {
  readonly #options: DeskOptions;
  #session: Promise<Session> | undefined;
  #isMigrated = false;
  #timer: NodeJS.Timeout | undefined;
  #underWay = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** The last of the next {@link DRAWN} tokens of `name`. */
  async draw(name: Buffer): Promise<bigint> {
    return BigInt((await this.change(draw(this.#options.tables), [name])).insertId);
  }

  rows(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#ask((session) => session.rows(sql, values));
  }

  change(sql: string, values: readonly Value[] = []): Promise<Change> {
    return this.#ask((session) => session.change(sql, values));
  }

  /**
   * Ids of connections are those of one server, and begin anew when it does: never asked again over another connection, where the id may be
   * that of a stranger.
   */
  async kill(what: 'QUERY' | 'CONNECTION', connection: number): Promise<void> {
    await this.#ask((session) => session.change(`KILL ${what} ${connection}`), 1);
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** Connected, and with the tables there: for statements of which one relies on what another has seen. */
  ready(): Promise<Session> {
    return this.#session === undefined ? this.#ask((session) => Promise.resolve(session)) : this.#session;
  }

  /** The tables are there, and the server is one that locks can rely on: seen once, when the desk was opened for the first time. */
  async prepared(): Promise<void> {
    if (!this.#isMigrated) await this.ready();
  }

  close(): void {
    clearTimeout(this.#timer);
    const session = this.#session;
    this.#session = undefined;
    session?.then(
      (open) => open.destroy(),
      () => undefined,
    );
  }

  /** A connection that was there before may have been closed meanwhile: then once more, over a new one. */
  async #ask<T>(statement: (session: Session) => Promise<T>, attempts: 1 | 2 = 2): Promise<T> {
    this.#underWay += 1;
    clearTimeout(this.#timer);
    try {
      const isUsed = this.#session !== undefined;
      try {
        return await statement(await this.#open());
      } catch (error) {
        if (attempts === 1 || !isUsed || !isLost(error)) throw error;
        return await statement(await this.#open());
      }
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle();
    }
  }

  #idle(): void {
    this.#timer = setTimeout(() => this.close(), this.#options.idleMs);
    this.#timer.unref();
  }

  #open(): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const forget = (): void => {
      if (this.#session === opening) this.#session = undefined;
    };
    const opening = this.#connect().then((session) => {
      session.onClose(forget);
      return session;
    });
    opening.then(undefined, forget);
    this.#session = opening;
    return opening;
  }

  async #connect(): Promise<Session> {
    const session = await this.#options.source.open('desk', { idleS: IDLE_S, lockWaitS: LOCK_WAIT_S });
    try {
      await refuseGalera(session);
      if (!this.#isMigrated) await this.#migrate(session);
      this.#isMigrated = true;
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  async #migrate(session: Session): Promise<void> {
    const { tables, migration } = this.#options;
    try {
      for (const table of Object.values(tables)) await session.rows(`SELECT 1 FROM ${table} LIMIT 0`);
      return;
    } catch (error) {
      if (errorNumber(error) !== ER.NO_SUCH_TABLE) throw denied(error, migration);
    }
    try {
      for (const statement of createTables(tables)) await session.change(statement);
    } catch (error) {
      if (errorNumber(error) !== ER.TABLE_EXISTS) throw denied(error, migration);
    }
  }
}

/** Each node grants locks of rows by itself, and two holders would learn of each other when they commit, which they don't. */
async function refuseGalera(session: Session): Promise<void> {
  const [row] = await session.rows("SHOW VARIABLES LIKE 'wsrep_on'");
  if (row?.[1] !== 'ON') return;
  throw new BackendUnavailableError(
    'This is a node of a Galera cluster, where a lock of a row is known to its node alone: use a server that is not replicated by Galera',
  );
}

function denied(error: unknown, migration: string): unknown {
  if (errorNumber(error) !== ER.TABLEACCESS_DENIED) return error;
  return unavailable(
    Object.assign(
      new Error(
        `its tables are missing or denied to this user (${(error as Error).message}). Run once, as a user who may, what \`migration\` of @holdfast/mysql says:\n${migration}`,
        { cause: error },
      ),
      { errno: ER.TABLEACCESS_DENIED },
    ),
  );
}
