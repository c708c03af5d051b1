import { connect as dialPlain, Socket } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as dialSecure } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { monotonicMs } from '@holdfast/core/adapter';
import { isSame } from './address.ts';
import type { Address } from './address.ts';
import type { Sentinels } from './sentinels.ts';

/** While no master answers it is looked for this often, in ms, and at once when the sentinels tell of another. */
const RETRY_MS = 250;
/** How long a connection that is closed may take to end, in ms. */
const DISCONNECT_MS = 1000;
/** The share of the time for an answer after which the commands that wait are told why there is none. */
const PATIENCE = 0.9;

/**
 * ioredis's way to its server (`options.Connector`): to the master, wherever that is. One attempt lasts as long as an answer may take,
 * so that what is asked for during a failover waits for the next master. When the master becomes another, the connection to the old one ends at once:
 * its answers are worth nothing from then on, and if it is cut off or frozen it would not end by itself.
 */
export function connectorTo(
  sentinels: Sentinels,
  { tls, family }: RedisOptions,
  timeoutMs: number,
): NonNullable<RedisOptions['Connector']> {
  return class MasterConnector extends AbstractConnector {
    #target: Address | undefined;
    #pause: AbortController | undefined;

    constructor() {
      super(DISCONNECT_MS);
      sentinels.onMoved(() => {
        this.#pause?.abort();
        if (isSame(this.#target, sentinels.master)) return;
        this.stream?.destroy(new Error('The sentinels have another master'));
      });
    }

    /** Rejects when it is disconnected meanwhile; any other failure is a connection that is over, so that ioredis tries again. */
    override async connect(): Promise<Socket | TLSSocket> {
      this.connecting = true;
      const until = monotonicMs() + timeoutMs * PATIENCE;
      for (;;) {
        await sentinels.locate();
        this.#assertWanted();
        const { master } = sentinels;
        const failure = master === undefined ? sentinels.failure : await this.#dial(master, until - monotonicMs());
        this.#assertWanted();
        // It may have been replaced while the connection was made.
        if (failure === undefined && isSame(master, sentinels.master)) return this.stream;
        const leftMs = until - monotonicMs();
        if (leftMs <= 0 || sentinels.refuse) return this.#over(failure);
        // Those who wait hear why before their own time is up.
        await this.#untilMoved(Math.min(RETRY_MS, Math.ceil(leftMs)));
      }
    }

    override disconnect(): void {
      const { stream } = this;
      this.#pause?.abort();
      super.disconnect();
      // One that is not connected yet has nothing to say.
      if (stream?.connecting) stream.destroy();
    }

    /** INFO of a server that was the master a moment ago, or is not yet. */
    override check({ role }: { readonly role?: string }): boolean {
      return role === undefined || role === 'master';
    }

    /** Resolves with what went wrong, or with nothing: then `stream` is connected. */
    #dial(address: Address, withinMs: number): Promise<Error | undefined> {
      this.#target = address;
      const where: NetConnectOpts = { ...address, ...(family === undefined ? {} : { family }) };
      const socket = tls === undefined ? dialPlain(where) : dialSecure({ ...address, ...tls });
      this.stream = socket;
      socket.unref();
      return new Promise((resolve) => {
        const timer = setTimeout(
          () => socket.destroy(new Error(`${address.host}:${address.port} does not answer`)),
          Math.max(withinMs, RETRY_MS),
        ).unref();
        let met: Error | undefined;
        const failed = (error: Error): void => void (met = error);
        const closed = (): void => settle(met ?? new Error('The connection was closed'));
        const settle = (failure: Error | undefined): void => {
          clearTimeout(timer);
          socket.off('close', closed);
          resolve(failure);
        };
        // To the end: it may fail before ioredis listens.
        socket.on('error', failed);
        socket.on('close', closed);
        socket.once(tls === undefined ? 'connect' : 'secureConnect', () => settle(undefined));
      });
    }

    #assertWanted(): void {
      if (this.connecting) return;
      this.stream?.destroy();
      throw new Error('Connection is closed.');
    }

    async #untilMoved(ms: number): Promise<void> {
      this.#pause = new AbortController();
      await delay(ms, undefined, { ref: false, signal: this.#pause.signal }).then(undefined, () => undefined);
    }

    #over(failure: unknown): Socket | TLSSocket {
      this.firstError = failure instanceof Error ? failure : new Error('The sentinels change masters');
      this.stream = new Socket();
      return this.stream.destroy();
    }
  };
}
