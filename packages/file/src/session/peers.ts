import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { probe, provesDeath } from './endpoint.ts';
import { onLines } from './lines.ts';
import { Link } from './link.ts';
import type { Watcher } from './link.ts';

/** How long `close` waits for a peer that does not read, in ms. */
const FLUSH_MS = 100;

export interface PeersOptions {
  /** The own session's id. */
  readonly session: string;
  readonly pathOf: (session: string) => string;
  /** Another process appended something that concerns this one. */
  readonly onWake: (partition: string) => void;
}

/** The other processes that this one watches or wakes: one connection each, for all names. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #links = new Map<string, Link>();
  /** Connections that others made; a message to them goes the same way back. */
  readonly #callers = new Map<string, Socket>();
  readonly #sockets = new Set<Socket>();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Until the returned function is called. A watcher is never called before `watch` has returned. */
  watch(session: string, watcher: Watcher): () => void {
    const link = this.#link(session);
    link.watch(watcher);
    return () => link.unwatch(watcher);
  }

  wake(session: string, partition: string): void {
    const caller = this.#callers.get(session);
    if (!this.#links.has(session) && caller?.writable === true) caller.write(`wake ${partition}\n`);
    else this.#link(session).send(`wake ${partition}`);
  }

  async isDead(session: string): Promise<boolean> {
    return provesDeath(session, await probe(this.#options.pathOf(session)));
  }

  accept(socket: Socket): void {
    socket.unref();
    this.#sockets.add(socket);
    let session: string | undefined;
    onLines(socket, (line) => {
      if (line.startsWith('hello ')) {
        session = line.slice(6);
        this.#callers.set(session, socket);
      } else this.#onLine(line);
    });
    // A peer that dies resets its connections; only whoever watches it needs to know.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (session !== undefined && this.#callers.get(session) === socket) this.#callers.delete(session);
    });
  }

  /** Lets messages that are on their way leave first. */
  async close(): Promise<void> {
    const flushed = [...this.#links.values()].map((link) => link.close());
    this.#links.clear();
    await Promise.race([Promise.all(flushed), delay(FLUSH_MS, undefined, { ref: false })]);
    for (const socket of this.#sockets) socket.destroy();
  }

  #link(session: string): Link {
    const known = this.#links.get(session);
    if (known !== undefined) return known;
    const link = new Link({
      session,
      path: this.#options.pathOf(session),
      hello: `hello ${this.#options.session}`,
      onLine: (line) => this.#onLine(line),
      onClosed: () => {
        if (this.#links.get(session) === link) this.#links.delete(session);
      },
    });
    this.#links.set(session, link);
    return link;
  }

  #onLine(line: string): void {
    if (line.startsWith('wake ')) this.#options.onWake(line.slice(5));
  }
}
