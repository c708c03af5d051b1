import { randomInt } from 'node:crypto';
import { monotonicMs } from '@holdfast/core/adapter';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { Outgoing } from './call.ts';
import type { RedisClient } from './client.ts';
import { errorCode, isRefusal, isReply, timedOut, unavailable } from './errors.ts';
import type { RedisUnavailableError } from './errors.ts';
import { Gathering, sendAlone } from './gathering.ts';
import type { Script } from './scripts/script.ts';

/** ioredis keeps these to itself; an idle client must not keep the process alive through them. */
interface Internals {
  readonly stream?: { unref(): void; destroy(error: Error): void; cork(): void; uncork(): void };
  readonly reconnectTimeout?: NodeJS.Timeout | null;
}

/**
 * One connection and why it last failed. One that this adapter opened reconnects by itself, never keeps the process
 * alive, and is closed with the backend; the user's own is only watched.
 */
export class Link {
  readonly client: RedisClient;
  readonly #own: boolean;
  readonly #direct: Redis | undefined;
  readonly #title: string | undefined;
  readonly #listeners: { event: 'ready' | 'close'; listener: () => void }[] = [];
  #failure: unknown;
  /** By the monotonic clock. */
  #connectedAt = -Infinity;
  #corked: Internals['stream'];
  readonly #gathering: Gathering | undefined;
  #closed = false;

  /**
   * `direct`: `client`, if it is of our own copy of ioredis, and puts nothing before the keys. `title`: what is at its other end, for people,
   * where that is not one host.
   */
  constructor(client: RedisClient, own: boolean, direct?: Redis, title?: string) {
    this.client = client;
    this.#own = own;
    this.#direct = direct;
    if (direct !== undefined) this.#gathering = new Gathering(direct);
    this.#title = title;
    if (own) this.#tend();
  }

  /** Whether what is sent can be made before. */
  get isDirect(): boolean {
    return this.#direct !== undefined;
  }

  /** The client, connecting if it is ours and not connected. For commands that are sent at once: whatever is gathered goes before them. */
  open(): RedisClient {
    this.#gathering?.flush();
    this.#wake();
    return this.client;
  }

  #wake(): void {
    const { status } = this.client;
    if (this.#own && !this.#closed && (status === 'wait' || status === 'end')) {
      // Whoever needs the connection hears of the failure by the commands that wait for it.
      this.client.connect().then(undefined, () => undefined);
    }
  }

  /**
   * All that is sent from now until the end of this turn of the event loop leaves in one write, and several locks as one script: the system call
   * and the reply for each command cost more than all else that is done for it. For our own connection; how the user's writes is the user's. `underWay`: how many calls have
   * no answer yet.
   */
  gather(underWay?: number): void {
    if (underWay !== undefined) this.#gathering?.fit(underWay);
    const { stream } = this.client as Internals;
    if (!this.#own || stream === undefined || this.#corked === stream) return;
    this.#corked = stream;
    stream.cork();
    process.nextTick(() => {
      this.#gathering?.flush();
      this.#corked = undefined;
      stream.uncork();
    });
  }

  send(call: Outgoing): void {
    this.#wake();
    if (this.#corked !== undefined && this.#gathering?.add(call) === true) {
      // A script is full: the server begins with it while this process makes the next one.
      if (this.#gathering.isEmpty) letGo(this.#corked);
      return;
    }
    const client = this.open();
    if (this.#direct !== undefined) return sendAlone(this.#direct, call);
    const { script, keys, args } = call;
    client.evalsha(script.sha, keys.length, ...keys, ...args).then(
      (reply) => call.answered(reply),
      (error: unknown) => call.failed(error),
    );
  }

  evalsha(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return new Promise((answered, failed) => this.send({ script, keys, args, answered, failed }));
  }

  on(event: 'ready' | 'close', listener: () => void): void {
    this.#listeners.push({ event, listener });
    this.client.on(event, listener);
  }

  /** Why a command failed: what the connection itself met, if it was lost, says more than that it was lost. */
  fault(error: unknown): RedisUnavailableError {
    return unavailable(this.server, isReply(error) ? error : (this.#failure ?? error));
  }

  /** The error of a command that was not answered for `ms`. A peer that vanished without closing is noticed by that alone: our own connection is made anew. */
  unanswered(ms: number): RedisUnavailableError {
    const error = timedOut(this.server, ms, this.#failure);
    if (this.#own && monotonicMs() - this.#connectedAt >= ms) this.renew(`No answer within ${ms} ms`);
    return error;
  }

  /** Leads to the wrong server: the next connection may lead to the right one. For our own. */
  renew(why: string): void {
    if (this.#own) (this.client as Internals).stream?.destroy(new Error(why));
  }

  /** Without user and password. */
  get server(): string {
    const { path, host = 'localhost', port = 6379 } = this.client.options as RedisOptions;
    return this.#title ?? path ?? `${host}:${port}`;
  }

  close(): void {
    this.#closed = true;
    for (const { event, listener } of this.#listeners) this.client.off(event, listener);
    if (this.#own) this.client.disconnect();
  }

  #tend(): void {
    const { client } = this;
    const internals = client as Internals;
    client.on('connect', () => {
      this.#connectedAt = monotonicMs();
      internals.stream?.unref();
    });
    client.on('reconnecting', () => internals.reconnectTimeout?.unref());
    client.on('ready', () => {
      this.#failure = undefined;
    });
    client.on('error', (error) => {
      this.#failure = error;
      // Not even a wrong database number stops ioredis: it would go on in database 0.
      if (isRefusal(error)) client.disconnect();
    });
  }
}

function letGo(stream: NonNullable<Internals['stream']>): void {
  stream.uncork();
  stream.cork();
}

/** `title`: see {@link Link}. */
export function connect(options: RedisOptions, timeoutMs: number, title?: string): Link {
  const replies = { replyMapping: 'legacy' } as const;
  const client = new Redis({ connectTimeout: timeoutMs, ...options, ...behaviour(), ...replies });
  return new Link(client, true, options.keyPrefix ? undefined : client, title);
}

/** Its only commands are SUBSCRIBE and PING: for them ioredis's own bound is good enough. */
export function connectForMessages(options: RedisOptions, timeoutMs: number, title?: string): Link {
  return connect({ ...options, socketTimeout: timeoutMs }, timeoutMs, title);
}

/** A connection for messages, to the same server in the same way. */
export function duplicate(client: RedisClient, timeoutMs: number): Link {
  return new Link(client.duplicate({ ...behaviour(), socketTimeout: timeoutMs }), true);
}

/**
 * Commands that were under way when a connection broke fail at once, and the adapter asks again by their owner id: what
 * ioredis would send once more by itself may be out of date by then.
 */
function behaviour(): RedisOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: true,
    enableAutoPipelining: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * 2 ** (attempt - 1), 2000) + randomInt(50),
    // After a failover this address may lead to a replica; the next connection leads to the primary.
    reconnectOnError: (error) => errorCode(error) === 'READONLY',
  };
}
