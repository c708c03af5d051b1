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

/** Where clients connect to reach one target. */
interface Gate {
  readonly server: Server;
  /** Once it has listened. */
  port: number;
}

/** A TCP proxy in front of a server, to do to its connections what networks do. In front of a server that is several, one for each, which act as one. */
export class FaultProxy {
  readonly #gates: readonly Gate[];
  readonly #connections = new Set<Connection>();
  #blackhole: Direction | undefined;
  #delayMs = 0;
  #requests = 0;

  private constructor(target: Address) {
    this.#gates = [target, ...(target.others ?? [])].map((each) => ({
      server: createServer((client) => this.#connect(client, each)),
      port: 0,
    }));
  }

  static async start(target: Address): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.#listen();
    return proxy;
  }

  /** Where clients connect; with `others` in the order of the target's. */
  get address(): Address {
    const [{ host, port } = { host: '127.0.0.1', port: 0 }, ...others] = this.#gates.map((gate) => ({
      host: '127.0.0.1',
      port: gate.port,
    }));
    return others.length === 0 ? { host, port } : { host, port, others };
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
    const closed = this.#gates
      .filter(({ server }) => server.listening)
      .map(({ server }) => {
        const end = once(server, 'close');
        server.close();
        return end;
      });
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
    for (const gate of this.#gates) {
      if (gate.server.listening) continue;
      gate.server.listen(gate.port, '127.0.0.1');
      await once(gate.server, 'listening');
      gate.port = (gate.server.address() as AddressInfo).port;
    }
  }

  #connect(client: Socket, { host, port }: Address): void {
    const upstream = connect({ host, port });
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
