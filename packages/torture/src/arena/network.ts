import { FaultProxy, urlSubject } from '@holdfast/core/conformance';
import type { Direction } from '@holdfast/core/conformance';

/** One fault proxy per client, all in front of the same server, so that one can be cut off while the others are not. */
export class Network implements AsyncDisposable {
  readonly #proxies: readonly FaultProxy[];
  readonly #url: (proxy: FaultProxy) => string;

  private constructor(proxies: readonly FaultProxy[], url: (proxy: FaultProxy) => string) {
    this.#proxies = proxies;
    this.#url = url;
  }

  /** `url` names one host. */
  static async start(url: string, clients: number): Promise<Network> {
    const { server, peers } = urlSubject(url);
    if (server === undefined) throw new Error('Expected a URL that names a host');
    const proxies = await Promise.all(Array.from({ length: clients }, () => FaultProxy.start(server)));
    return new Network(proxies, (proxy) => peers.data(proxy.address) as string);
  }

  /** For the connections of one client. */
  url(client: number): string {
    return this.#url(this.#at(client));
  }

  get connections(): number {
    return this.#proxies.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** `client`: default all. */
  cut(client?: number): void {
    for (const proxy of this.#of(client)) proxy.cut();
  }

  blackhole(direction: Direction, client?: number): void {
    for (const proxy of this.#of(client)) proxy.blackhole(direction);
  }

  delay(ms: number, client?: number): void {
    for (const proxy of this.#of(client)) proxy.delay(ms);
  }

  async restore(client?: number): Promise<void> {
    await Promise.all(this.#of(client).map((proxy) => proxy.restore()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
  }

  #of(client: number | undefined): readonly FaultProxy[] {
    return client === undefined ? this.#proxies : [this.#at(client)];
  }

  #at(client: number): FaultProxy {
    const proxy = this.#proxies[client];
    if (proxy === undefined) throw new RangeError(`There is no client ${client}`);
    return proxy;
  }
}
