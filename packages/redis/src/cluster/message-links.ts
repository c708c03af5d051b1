import type { RedisUnavailableError } from '../errors.ts';
import type { Link } from '../link.ts';
import type { Address } from './address.ts';

/** What ioredis's clients have beside what other connections need; ours are of our own copy. */
interface Subscriber {
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
  on(event: 'smessage', listener: (channel: string, text: string) => void): unknown;
  /** A node has dropped a channel, because its slot has moved. */
  on(event: 'moved' | 'error', listener: () => void): unknown;
}

export interface MessageLinksListener {
  message(channel: string, text: string, from: Address): void;
  disconnected(from: Address): void;
  /** The node has dropped channels. */
  dropped(from: Address): void;
}

/** A connection for messages to one node. */
export class MessageLink {
  readonly address: Address;
  readonly #link: Link;
  readonly #subscriber: Subscriber;

  constructor(address: Address, link: Link, listener: MessageLinksListener) {
    this.address = address;
    this.#link = link;
    this.#subscriber = link.client as unknown as Subscriber;
    this.#subscriber.on('smessage', (channel, text) => listener.message(channel, text, address));
    this.#subscriber.on('moved', () => listener.dropped(address));
    // Earlier releases of ioredis have no such event: what the server says unasked is an error to them.
    this.#subscriber.on('error', () => listener.dropped(address));
    link.on('close', () => listener.disconnected(address));
  }

  get up(): boolean {
    return this.#link.client.status === 'ready';
  }

  subscribe(channel: string): Promise<unknown> {
    this.#link.open();
    return this.#subscriber.ssubscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.#subscriber.sunsubscribe(channel).then(undefined, () => undefined);
  }

  fault(error: unknown): RedisUnavailableError {
    return this.#link.fault(error);
  }

  close(): void {
    this.#link.close();
  }
}

/** The connections for messages, each opened when it is first needed. */
export class MessageLinks {
  readonly #connect: (address: Address) => Link;
  readonly #listener: MessageLinksListener;
  readonly #byAddress = new Map<Address, MessageLink>();

  constructor(connect: (address: Address) => Link, listener: MessageLinksListener) {
    this.#connect = connect;
    this.#listener = listener;
  }

  to(address: Address): MessageLink {
    let link = this.#byAddress.get(address);
    if (link === undefined) {
      link = new MessageLink(address, this.#connect(address), this.#listener);
      this.#byAddress.set(address, link);
    }
    return link;
  }

  /** Closes all others. */
  keep(addresses: ReadonlySet<Address | undefined>): void {
    for (const [address, link] of this.#byAddress) {
      if (addresses.has(address)) continue;
      this.#byAddress.delete(address);
      link.close();
    }
  }

  close(): void {
    this.keep(new Set());
  }
}
