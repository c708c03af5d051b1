import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { monotonicMs } from '@holdfast/core/adapter';
import { answerOf, connect, provesDeath } from './endpoint.ts';
import { onLines } from './lines.ts';

export interface Watcher {
  /** The process is gone; what it held can be taken. */
  readonly onDeath: (session: string) => void;
  /** The link broke, so a message may be lost: look at the log. */
  readonly onDoubt: (session: string) => void;
}

export interface LinkOptions {
  readonly session: string;
  readonly path: string;
  /** The first line of every connection. */
  readonly hello: string;
  readonly onLine: (line: string) => void;
  /** The link is idle or its peer gone: forget it. */
  readonly onClosed: () => void;
}

/** A link that nobody needs is kept this long for the next use, in ms. */
const IDLE_MS = 5000;
/** A peer that can't be asked whether it is dead is asked again after at most this long, in ms. */
const MAX_RETRY_MS = 1000;
const MIN_RETRY_MS = 10;

/** A connection to another process, kept while somebody watches it: when it closes, that process has ended, or is about to. */
export class Link {
  readonly #options: LinkOptions;
  readonly #watchers = new Set<Watcher>();
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = MIN_RETRY_MS;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#connect();
  }

  watch(watcher: Watcher): void {
    this.#watchers.add(watcher);
    clearTimeout(this.#timer);
    if (this.#socket === undefined) this.#connect();
  }

  unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    this.#idle();
  }

  /** To the peer, now or as soon as it is connected. If it can't be reached, the receiver finds out by the log. */
  send(line: string): void {
    this.#socket?.write(`${line}\n`);
    this.#idle();
  }

  /** Resolves when what was sent has left this process. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.end(() => {
        socket.destroy();
        resolve();
      });
    });
  }

  #connect(): void {
    let failure: unknown;
    let connectedAt: number | undefined;
    const socket = connect(this.#options.path);
    this.#socket = socket;
    socket.write(`${this.#options.hello}\n`);
    onLines(socket, this.#options.onLine);
    socket.on('connect', () => {
      connectedAt = monotonicMs();
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      this.#socket = undefined;
      if (!this.#closed) this.#lost(connectedAt, failure);
    });
  }

  #lost(connectedAt: number | undefined, failure: unknown): void {
    const { session } = this.#options;
    if (connectedAt === undefined && provesDeath(session, answerOf(failure))) {
      this.#forget();
      for (const watcher of [...this.#watchers]) watcher.onDeath(session);
      return;
    }
    if (this.#watchers.size === 0) return this.#forget();
    if (connectedAt !== undefined) for (const watcher of [...this.#watchers]) watcher.onDoubt(session);
    // A link that closes proves nothing yet (the peer may have run out of file descriptors); a refused connection does. So ask
    // at once the first time, then ever later: an absent socket stays absent, and expiry takes care of its lock.
    if (connectedAt !== undefined && monotonicMs() - connectedAt > MAX_RETRY_MS) this.#retryMs = MIN_RETRY_MS;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.#retryMs === MIN_RETRY_MS ? 0 : randomInt(this.#retryMs));
    this.#timer.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }

  #idle(): void {
    if (this.#watchers.size > 0 || this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#forget();
      // Half closed: what the peer wrote before it noticed still arrives.
      this.#socket?.end();
    }, IDLE_MS);
    this.#timer.unref();
  }

  #forget(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.onClosed();
  }
}
