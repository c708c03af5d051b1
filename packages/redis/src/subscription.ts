import { randomBytes } from 'node:crypto';
import { LocksClosedError } from '@holdfast/core/adapter';
import { isReply, isTransient } from './errors.ts';
import type { Link } from './link.ts';
import type { Messages } from './servers.ts';

export interface SubscriptionListener {
  message(text: string): void;
  /** Subscribed, for the first time or again: whatever was sent before is lost. */
  subscribed(): void;
  /** Whether the server that runs the scripts has a subscriber to `channel`. Rejects when it can't be asked. */
  reaches(channel: string): Promise<boolean>;
}

/** When the server of the scripts could not be asked it is asked again after this time, in ms. */
const RETRY_MS = 1000;

/** Who waits for the subscription is told of a failure when these are used up. */
const CHANCES = 20;
/** What each costs: the connection was lost (once it may only have been renewed, as in a failover); it leads to another server than that of the scripts. */
const COSTS = { lost: 10, elsewhere: 1 } as const;

interface Opening {
  chances: number;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The connection for messages, on a channel of this backend's own. Opened when it is first needed.
 *
 * Messages come from the server that runs the scripts, or they are worth nothing: after a failover one of the two connections may still be
 * at the old master. What that one grants is no grant, and what the new one publishes nobody hears. So the server of the scripts is asked whether it has
 * this subscriber, whenever one of the two is new, and until it says yes nothing counts that comes here.
 */
export class Subscription implements Messages {
  /** The channel. */
  readonly address: string;
  readonly #makeLink: () => Link;
  readonly #listener: SubscriptionListener;
  #link: Link | undefined;
  #opening: Opening | undefined;
  /** Its connection is being replaced, because it leads elsewhere. */
  #leaving = false;
  /** On the connection that there is now. */
  #subscribed = false;
  /** Of the last question that was begun, or was overtaken. */
  #question = 0;
  #asking = false;
  #timer: NodeJS.Timeout | undefined;
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
    const link = (this.#link ??= this.#connect());
    link.open();
    if (this.#subscribed && !this.#asking) void this.#confirm(link);
    return opening.promise;
  }

  /** The connection for scripts is lost: what comes here may be of another server than the next one. */
  doubt(): void {
    clearTimeout(this.#timer);
    this.#question += 1;
    this.#asking = false;
    this.#ready = false;
  }

  /** The connection for scripts is new. */
  check(): void {
    if (this.#subscribed && this.#link !== undefined && !this.#closed) void this.#confirm(this.#link);
  }

  /** A connection that died unseen shows by a ping that stays unanswered: it is then replaced. */
  verify(): void {
    if (this.#ready) this.#link?.client.ping().then(undefined, () => undefined);
  }

  close(): void {
    this.#closed = true;
    this.#lost(new LocksClosedError(), CHANCES);
    this.#link?.close();
  }

  #connect(): Link {
    const link = this.#makeLink();
    link.client.on('message', (_channel, text) => {
      if (this.#ready) this.#listener.message(text);
    });
    link.on('ready', () => void this.#subscribe(link));
    link.on('close', () => {
      this.#subscribed = false;
      const cost = this.#leaving ? 0 : COSTS.lost;
      this.#leaving = false;
      this.#lost(link.fault(new Error('The connection was closed')), cost);
    });
    return link;
  }

  async #subscribe(link: Link): Promise<void> {
    try {
      await link.client.subscribe(this.address);
    } catch (error) {
      // A connection that was lost has told so by its `close`.
      if (isReply(error)) this.#lost(link.fault(error), CHANCES);
      return;
    }
    this.#subscribed = true;
    await this.#confirm(link);
  }

  async #confirm(link: Link): Promise<void> {
    this.#question += 1;
    const question = this.#question;
    this.#asking = true;
    const answer = await this.#listener.reaches(this.address).then(
      (reached) => reached,
      (error: unknown) => ({ error }),
    );
    if (question !== this.#question) return;
    this.#asking = false;
    if (answer === true) return this.#confirmed();
    if (answer === false) {
      this.#lost(link.fault(new Error('It is not where the scripts run')), COSTS.elsewhere);
      this.#leaving = true;
      // A new one leads to where that of the scripts does, sooner or later.
      link.renew('It is not where the scripts run');
    } else {
      this.#lost(answer.error, COSTS.lost);
      // At the latest: a new connection for scripts is asked at once.
      this.#timer = setTimeout(() => this.check(), RETRY_MS).unref();
    }
  }

  #confirmed(): void {
    this.#ready = true;
    this.#opening?.resolve();
    this.#opening = undefined;
    this.#listener.subscribed();
  }

  #lost(error: unknown, cost: number): void {
    this.doubt();
    if (this.#opening === undefined) return;
    this.#opening.chances -= isTransient(error) ? cost : CHANCES;
    if (this.#opening.chances > 0) return;
    this.#opening.reject(error);
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
  return { chances: CHANCES, promise, resolve, reject };
}
