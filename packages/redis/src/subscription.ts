import { randomBytes } from 'node:crypto';
import { LocksClosedError } from '@holdfast/core/adapter';
import type { Link } from './link.ts';
import type { Messages } from './servers.ts';

export interface SubscriptionListener {
  message(text: string): void;
  /** Subscribed, for the first time or again: whatever was sent before is lost. */
  subscribed(): void;
}

interface Opening {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The connection for messages, on a channel of this backend's own. Opened when it is first needed. */
export class Subscription implements Messages {
  /** The channel. */
  readonly address: string;
  readonly #makeLink: () => Link;
  readonly #listener: SubscriptionListener;
  #link: Link | undefined;
  #opening: Opening | undefined;
  #ready = false;
  #closed = false;

  constructor(prefix: string, makeLink: () => Link, listener: SubscriptionListener) {
    this.address = `${prefix}:wake:${randomBytes(16).toString('base64url')}`;
    this.#makeLink = makeLink;
    this.#listener = listener;
  }

  /** Whether the server sends messages here, as far as is known. */
  ready(): boolean {
    return this.#ready;
  }

  heed(): void {
    if (!this.#ready) this.open().then(undefined, () => undefined);
  }

  /** Resolves once subscribed; rejects with `BackendUnavailableError` when the connection fails first. */
  open(): Promise<void> {
    if (this.#ready) return Promise.resolve();
    if (this.#closed) return Promise.reject(new LocksClosedError());
    const opening = (this.#opening ??= pending());
    (this.#link ??= this.#connect()).open();
    return opening.promise;
  }

  /** A connection that died unseen shows by a ping that stays unanswered: it is then replaced. */
  verify(): void {
    if (this.#ready) this.#link?.client.ping().then(undefined, () => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#lost(new LocksClosedError());
    this.#link?.close();
  }

  #connect(): Link {
    const link = this.#makeLink();
    link.client.on('message', (_channel, text) => this.#listener.message(text));
    link.on('ready', () => void this.#subscribe(link));
    link.on('close', () => this.#lost(link.fault(new Error('The connection was closed'))));
    return link;
  }

  async #subscribe(link: Link): Promise<void> {
    try {
      await link.client.subscribe(this.address);
    } catch (error) {
      this.#lost(link.fault(error));
      return;
    }
    this.#ready = true;
    this.#opening?.resolve();
    this.#opening = undefined;
    this.#listener.subscribed();
  }

  #lost(error: unknown): void {
    this.#ready = false;
    this.#opening?.reject(error);
    this.#opening = undefined;
  }
}

function pending(): Opening {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
