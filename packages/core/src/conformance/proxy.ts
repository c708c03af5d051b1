import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Pipe } from './pipe.ts';
import type { Address } from './subject.ts';

/** Which way nothing gets through: `requests` from client to server, `answers` back. */
export type Direction = 'both' | 'requests' | 'answers';

interface Connection {
  readonly requests: Pipe;
  readonly answers: Pipe;
  destroy(): void;
}

interface Listener {
  readonly target: Address;
  readonly server: Server;
  port: number;
}

/** A TCP proxy in front of a server, or of several that a client needs together, to do to its connections what networks do. */
export class FaultProxy {
  readonly #listeners: readonly Listener[];
  readonly #connections = new Set<Connection>();
  #blackhole: Direction | undefined;
  #delayMs = 0;
  #requests = 0;

  private constructor(targets: readonly Address[]) {
    this.#listeners = targets.map((target) => ({
      target,
      server: createServer((client) => this.#connect(client, target)),
      port: 0,
    }));
  }

  static async start(target: Address | readonly Address[]): Promise<FaultProxy> {
    const proxy = new FaultProxy('host' in target ? [target] : target);
    await proxy.#listen();
    return proxy;
  }

  /** Where clients connect; of several servers, to the first. */
  get address(): Address {
    return this.addresses[0] as Address;
  }

  /** Where clients connect to each of the servers. */
  get addresses(): readonly Address[] {
    return this.#listeners.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#connections.size;
  }

  /** How many pieces of data clients have sent so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Ends all connections as a crashed router does; new ones are accepted. What was under way is gone. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  /**
   * Silence without a reset: connections stay open, new ones open, and nothing passes, not even that an end was closed.
   * As on a healed network, {@link restore} delivers late what was sent meanwhile.
   */
  blackhole(direction: Direction = 'both'): void {
    this.#blackhole = direction;
    for (const connection of this.#connections) this.#apply(connection);
  }

  /** Delivers everything so many ms later, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
    for (const connection of this.#connections) this.#apply(connection);
  }

  /** Ends all connections and refuses new ones. */
  async refuse(): Promise<void> {
    const listening = this.#listeners.filter(({ server }) => server.listening);
    const closed = listening.map(({ server }) => once(server, 'close'));
    for (const { server } of listening) server.close();
    this.cut();
    await Promise.all(closed);
  }

  /** Back to a good network. */
  async restore(): Promise<void> {
    this.#blackhole = undefined;
    this.#delayMs = 0;
    for (const connection of this.#connections) this.#apply(connection);
    await this.#listen();
  }

  async close(): Promise<void> {
    await this.refuse();
  }

  async #listen(): Promise<void> {
    const silent = this.#listeners.filter(({ server }) => !server.listening);
    await Promise.all(
      silent.map(async (listener) => {
        listener.server.listen(listener.port, '127.0.0.1');
        await once(listener.server, 'listening');
        listener.port = (listener.server.address() as AddressInfo).port;
      }),
    );
  }

  #connect(client: Socket, target: Address): void {
    const upstream = connect(target);
    const connection: Connection = {
      requests: new Pipe(client, upstream),
      answers: new Pipe(upstream, client),
      destroy: () => {
        client.destroy();
        upstream.destroy();
        connection.requests.end();
        connection.answers.end();
        this.#connections.delete(connection);
      },
    };
    client.on('data', () => {
      this.#requests += 1;
    });
    // A proxy says nothing about the errors of either side: each sees that its own connection ends.
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    client.on('close', () => connection.requests.close());
    upstream.on('close', () => connection.answers.close());
    connection.requests.onClosed = connection.destroy;
    connection.answers.onClosed = connection.destroy;
    this.#connections.add(connection);
    this.#apply(connection);
  }

  #apply({ requests, answers }: Connection): void {
    const hole = this.#blackhole;
    requests.set({ open: hole === undefined || hole === 'answers', delayMs: this.#delayMs });
    answers.set({ open: hole === undefined || hole === 'requests', delayMs: this.#delayMs });
  }
}
