import { LocksClosedError } from '@holdfast/core/adapter';
import { Connection } from './connection.ts';
import { heartbeatFor } from './heartbeat.ts';
import type { Lane } from './lane.ts';
import type { ResolvedOptions } from './options.ts';
import { DisconnectedError } from './errors.ts';

/** How long an unused connection is kept, in ms. */
const IDLE_MS = 30_000;

interface Group {
  readonly connections: Set<Connection>;
  opening: Promise<Connection> | undefined;
}

/** A channel that is in use, and the connection that it belongs to. */
export interface Leased {
  readonly lane: Lane;
  readonly connection: Connection;
}

/** The connections of a backend: one for all locks of about the same ttl, and more when its channels are used up. */
export class Connections {
  readonly #options: ResolvedOptions;
  readonly #groups = new Map<number, Group>();
  readonly #idle = new Map<Connection, NodeJS.Timeout>();
  readonly #given: Connection | undefined;
  #isClosed = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#given = options.connection === undefined ? undefined : new Connection(options.connection, options);
  }

  async lease(ttlMs: number): Promise<Leased> {
    if (this.#given !== undefined) return await this.#leaseGiven(this.#given);
    const heartbeat = heartbeatFor(ttlMs);
    const group = this.#group(heartbeat);
    for (;;) {
      for (const connection of group.connections) {
        if (!connection.isOpen) {
          this.#forget(connection);
          continue;
        }
        const opening = connection.lane();
        if (opening === undefined) continue;
        clearTimeout(this.#idle.get(connection));
        return { lane: await opening, connection };
      }
      group.opening ??= this.#open(group, heartbeat).finally(() => (group.opening = undefined));
      await group.opening;
    }
  }

  /** With nothing left on it, or else closed. */
  giveBack({ connection, lane }: Leased): void {
    connection.giveBack(lane);
    if (connection.isIdle) this.#rest(connection);
    else if (!lane.isOpen) void lane.closed.then(() => connection.isIdle && this.#rest(connection));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#groups.values()];
    await Promise.allSettled(all.flatMap(({ opening }) => opening ?? []));
    const open = all.flatMap(({ connections }) => [...connections]);
    await Promise.all([...open.map((connection) => this.#shut(connection)), this.#given?.leave()]);
  }

  async #leaseGiven(connection: Connection): Promise<Leased> {
    if (!connection.isOpen) throw new DisconnectedError('The connection that was given is closed');
    const opening = connection.lane();
    if (opening === undefined) throw new Error('All channels of the connection that was given are in use');
    return { lane: await opening, connection };
  }

  async #open(group: Group, heartbeat: number): Promise<Connection> {
    const connection = await Connection.open(this.#options, heartbeat);
    if (this.#isClosed) {
      await connection.close();
      throw new LocksClosedError();
    }
    group.connections.add(connection);
    return connection;
  }

  #group(heartbeat: number): Group {
    const known = this.#groups.get(heartbeat);
    if (known !== undefined) return known;
    const group: Group = { connections: new Set(), opening: undefined };
    this.#groups.set(heartbeat, group);
    return group;
  }

  #rest(connection: Connection): void {
    if (connection === this.#given) return;
    clearTimeout(this.#idle.get(connection));
    const retire = (): void => void (connection.isIdle && this.#shut(connection));
    this.#idle.set(connection, setTimeout(retire, IDLE_MS).unref());
  }

  async #shut(connection: Connection): Promise<void> {
    this.#forget(connection);
    await connection.close();
  }

  #forget(connection: Connection): void {
    clearTimeout(this.#idle.get(connection));
    this.#idle.delete(connection);
    for (const group of this.#groups.values()) group.connections.delete(connection);
  }
}
