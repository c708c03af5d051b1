import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, monotonicMs } from '@holdfast/core/adapter';
import { Code, ConnectionLossError, SessionOverError, ZooKeeperError } from '../errors.ts';
import { auth, setWatches } from '../protocol/connection-operations.ts';
import { newSession } from '../protocol/handshake.ts';
import type { SessionIdentity } from '../protocol/handshake.ts';
import { getData, sync } from '../protocol/operations.ts';
import type { Connection } from './connection.ts';
import type { Ensemble } from './ensemble.ts';
import { Outage } from './outage.ts';
import { Proofs } from './proofs.ts';
import { Watches } from './watches.ts';

type State =
  | { readonly type: 'connected'; readonly connection: Connection }
  | { readonly type: 'connecting' }
  | { readonly type: 'over'; readonly error: SessionOverError };

/** The end of a session is told to the server, but not waited for longer than this, in ms. */
const CLOSE_MS = 1000;

/** A follower passes on which sessions it has heard of when the leader asks, every half tick; with some slack. In ticks. */
const RELAY_TICKS = 0.75;

export interface LinkEvents {
  /** The ensemble heard of the session after `sentAt`. */
  onProved(sentAt: number): void;
  /** The ensemble has ended the session. */
  onExpired(): void;
}

interface Waiting {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: Error) => void;
}

/** The connections of one session, one after the other. */
export class Link {
  readonly watches: Watches = new Watches();
  events: LinkEvents = { onProved: () => undefined, onExpired: () => undefined };
  /** Whether other servers than the one connected to may take part; known once connected. */
  hasPeers = true;
  readonly #ensemble: Ensemble;
  #identity: SessionIdentity;
  #lastZxid = 0n;
  #state: State = { type: 'connecting' };
  #waiting: Waiting[] = [];
  readonly #outage: Outage;
  #proofs = new Proofs();

  constructor(ensemble: Ensemble, timeoutMs: number) {
    this.#ensemble = ensemble;
    this.#identity = newSession(timeoutMs);
    this.#outage = new Outage(ensemble.options.timeoutMs);
  }

  get identity(): SessionIdentity {
    return this.#identity;
  }

  /** Starts the session. Resolves with the time at which the connection was asked for. */
  open(): Promise<number> {
    return this.#ensemble.untilConnected(() => this.#connect());
  }

  /** How long the leader may be without what a follower knows, in ms. */
  get relayMs(): number {
    return this.hasPeers ? this.#ensemble.options.tickMs * RELAY_TICKS : 0;
  }

  /** The present connection, or the next one. Rejects with a `SessionOverError`. */
  connection(): Promise<Connection> {
    const state = this.#state;
    if (state.type === 'connected') return Promise.resolve(state.connection);
    if (state.type === 'over') return Promise.reject(state.error);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /**
   * `work`, or a `BackendUnavailableError` as soon as there has been no connection for the ensemble's `timeoutMs`. What `work` comes to later
   * goes to `late`; that it fails later matters to nobody.
   */
  unlessOut<T>(work: Promise<T>, late: (value: T) => void): Promise<T> {
    return this.#outage.unless(work, late);
  }

  /** Nothing is asked any more from now on. If the server can be told, the session's nodes go at once, not with its timeout. */
  async end(error: SessionOverError): Promise<void> {
    const state = this.#state;
    if (state.type === 'over') return;
    this.#state = { type: 'over', error };
    this.#outage.end();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    if (state.type !== 'connected') return;
    const told = state.connection.farewell().then(undefined, () => undefined);
    await Promise.race([told, delay(CLOSE_MS, undefined, { ref: false })]);
    state.connection.close(error);
  }

  /** One attempt. Resolves with the time of its start; rejects when it fails. */
  async #connect(): Promise<number> {
    const startedAt = monotonicMs();
    const { connection, agreed } = this.#ensemble.dial({
      identity: this.#identity,
      lastZxid: this.#lastZxid,
      events: {
        onSent: (at) => this.#proofs.sent(at),
        onAnswered: (sentAt, isLed) => this.#onAnswered(sentAt, isLed),
        onEvent: (event) => this.watches.fire(event),
        onClosed: () => this.#onClosed(connection),
      },
    });
    // What was sent to another server may never have been passed on.
    this.#proofs = new Proofs();
    const prepared = this.#prepare(connection);
    const stopBeating = this.#beat(connection);
    try {
      const [identity] = await Promise.all([agreed, prepared]);
      if (identity !== undefined) this.#identity = identity;
    } catch (error) {
      connection.close(new ConnectionLossError('The connection was not usable', { cause: error }));
      // The answer that the session has expired ends the connection, and with it all that was asked on it.
      if ((await agreed) === undefined) this.events.onExpired();
      throw error;
    } finally {
      stopBeating();
    }
    this.#adopt(connection, startedAt);
    return startedAt;
  }

  /** On a slow network a session needs a second proof of life before the first is answered. */
  #beat(connection: Connection): () => void {
    const timer = setInterval(() => {
      connection.request(sync('/'), true).then(undefined, () => undefined);
    }, this.#identity.timeoutMs / 3);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** In one round trip: who we are, what we watch, and whether there are other servers. */
  async #prepare(connection: Connection): Promise<void> {
    const { digest } = this.#ensemble.options;
    const requests: Promise<unknown>[] = [this.#askForPeers(connection)];
    if (digest !== undefined) requests.push(connection.request(auth('digest', digest), true).catch(refused));
    const watched = { data: this.watches.paths('data'), children: this.watches.paths('children') };
    for (const operation of setWatches(this.#lastZxid, watched)) requests.push(connection.request(operation, true));
    await Promise.all(requests);
  }

  /** Only ensembles describe themselves in this node. */
  async #askForPeers(connection: Connection): Promise<void> {
    try {
      const { data } = await connection.request(getData('/zookeeper/config', false), true);
      this.hasPeers = data.includes('server.');
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      this.hasPeers = true;
    }
  }

  #adopt(connection: Connection, startedAt: number): void {
    if (this.#state.type === 'over') {
      connection.close(this.#state.error);
      return;
    }
    this.#state = { type: 'connected', connection };
    this.#outage.end();
    this.events.onProved(startedAt);
    for (const { resolve } of this.#waiting.splice(0)) resolve(connection);
  }

  #onAnswered(sentAt: number, isLed: boolean): void {
    if (this.hasPeers && !isLed) return;
    const proved = this.#proofs.answered(sentAt, this.relayMs);
    if (proved !== undefined) this.events.onProved(proved);
  }

  #onClosed(connection: Connection | undefined): void {
    if (connection !== undefined && connection.lastZxid > this.#lastZxid) this.#lastZxid = connection.lastZxid;
    if (this.#state.type !== 'connected' || this.#state.connection !== connection) return;
    this.#state = { type: 'connecting' };
    this.#outage.begin();
    void this.#reconnect();
  }

  /** Until the session is connected or over. */
  async #reconnect(): Promise<void> {
    for (let tries = 1; this.#state.type === 'connecting'; tries += 1) {
      // Why an attempt failed changes nothing: the lease's deadline decides how long this goes on.
      const connected = await this.#connect().then(
        () => true,
        () => false,
      );
      if (!connected && tries % this.#ensemble.size === 0) await this.#ensemble.pause();
    }
  }
}

function refused(cause: unknown): never {
  if (!(cause instanceof ZooKeeperError) || cause.code !== Code.authFailed) throw cause;
  // Not as a cause of a message that could quote them: the credentials stay out of every error.
  throw new BackendUnavailableError('ZooKeeper refused the credentials', { cause });
}
