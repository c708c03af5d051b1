import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, monotonicMs } from '@holdfast/core/adapter';
import type { SessionIdentity } from '../protocol/handshake.ts';
import type { ConnectionEvents, Patience } from './connection.ts';
import { dial } from './dial.ts';
import type { Dialled, Host } from './dial.ts';

export interface EnsembleOptions {
  readonly hosts: readonly Host[];
  /** `user:password` for the digest scheme. */
  readonly digest: string | undefined;
  /** How long there may be no connection before requests fail, in ms. */
  readonly timeoutMs: number;
  /** The servers' `tickTime`, in ms. */
  readonly tickMs: number;
}

/** No server is given up sooner than this, in ms. */
const MIN_PATIENCE_MS = 100;
/** Between two rounds over all servers, in ms: at most, with jitter. */
const MAX_PAUSE_MS = 200;

export interface Call {
  readonly identity: SessionIdentity;
  readonly lastZxid: bigint;
  readonly events: ConnectionEvents;
}

/** The servers, tried in turn from a random one on. */
export class Ensemble {
  readonly options: EnsembleOptions;
  /** Whether it has ever been reached: if not, the address is as likely to be wrong as the servers to be down. */
  #reached = false;
  #next: number;

  constructor(options: EnsembleOptions) {
    this.options = options;
    this.#next = randomInt(options.hosts.length);
  }

  /** One attempt at one server; after a failure, the next attempt takes the next one. */
  dial({ identity, lastZxid, events }: Call): Dialled {
    const { hosts } = this.options;
    const host = hosts[this.#next % hosts.length] as Host;
    // Time for another round. A session that is to be saved must find another server within its own timeout.
    const budgetMs = Math.min(this.options.timeoutMs / 2, identity.id === 0n ? Infinity : identity.timeoutMs);
    const timeoutMs = Math.max(budgetMs / hosts.length, MIN_PATIENCE_MS);
    const dialled = dial({ host, identity, lastZxid, timeoutMs, patience: (ms) => this.#patience(ms), events });
    dialled.agreed.then(
      () => {
        this.#reached = true;
      },
      () => {
        this.#next += 1;
      },
    );
    return dialled;
  }

  /** Rejects with `BackendUnavailableError` when no server lets `attempt` succeed in time, or at once if none was ever there. */
  async untilConnected<T>(attempt: () => Promise<T>): Promise<T> {
    const deadline = monotonicMs() + this.options.timeoutMs;
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof BackendUnavailableError) throw error;
        const isRoundOver = tries % this.options.hosts.length === 0;
        if (monotonicMs() >= deadline || (isRoundOver && !this.#reached)) throw this.#unreachable(error);
        if (isRoundOver) await this.pause();
      }
    }
  }

  /** Servers that restart are not met by all their clients at once. */
  pause(): Promise<void> {
    return delay(randomInt(MAX_PAUSE_MS / 10, MAX_PAUSE_MS), undefined, { ref: false });
  }

  get size(): number {
    return this.options.hosts.length;
  }

  /** Two thirds of a session's timeout, as in ZooKeeper's own clients: a third is left to find another server. */
  #patience(sessionMs: number): Patience {
    return {
      answerMs: Math.max(this.options.timeoutMs / 2, MIN_PATIENCE_MS),
      silenceMs: Math.max((sessionMs * 2) / 3, MIN_PATIENCE_MS),
      atLeastMs: Math.max(sessionMs / 3, MIN_PATIENCE_MS),
    };
  }

  #unreachable(cause: unknown): BackendUnavailableError {
    const hosts = this.options.hosts.map(({ host, port }) => `${host}:${port}`).join(', ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new BackendUnavailableError(`ZooKeeper can't be reached at ${hosts}: ${reason}`, { cause });
  }
}
