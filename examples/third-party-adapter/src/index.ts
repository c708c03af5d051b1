/** Exclusive locks on one Valkey (or Redis) server, by polling: all three methods, and the manifest that says what they promise. */
import { BackendUnavailableError, ConfigError, Lease, monotonicMs, pollUntilGranted } from '@holdfast/core/adapter';
import type { Capabilities, Grant, LockBackend, LockRequest, ReleaseResult, RenewResult } from '@holdfast/core/adapter';
import { connect, withoutCommand } from './connection.ts';
import type { Connection } from './connection.ts';
import { ACQUIRE, RELEASE, RENEW } from './scripts.ts';

/** How long a waiter pauses at most before it asks again, in ms. */
const POLL_MS = 200;

const capabilities: Capabilities = {
  modes: ['exclusive'],
  steal: false,
  query: false,
  fifo: false,
  wakeup: 'poll',
  lease: 'grant',
  takeover: 'after-ttl',
  // The server ends a key to the millisecond; the next one sees that at its next try.
  ttl: { minMs: 100, granularityMs: POLL_MS + 50 },
  fencing: 'per-name',
  reach: 'network',
  durability:
    'Replication is asynchronous: a failover may lose locks; tokens grow on as long as the clock does not go back',
};

interface ValkeyGrant extends Grant {
  readonly name: string;
  readonly owner: string;
  readonly lease: Lease;
}

class ValkeyBackend implements LockBackend<ValkeyGrant> {
  readonly name = 'valkey';
  readonly capabilities = capabilities;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async acquire(request: LockRequest): Promise<ValkeyGrant | null> {
    const grant = await this.#try(request);
    if (grant !== null || !request.wait) return grant;
    request.onContended();
    return await pollUntilGranted(() => this.#try(request), { signal: request.signal, maxDelayMs: POLL_MS });
  }

  async release({ name, owner, lease }: ValkeyGrant): Promise<ReleaseResult> {
    // First: what ends from now on is no loss.
    lease.end();
    return (await this.#run(RELEASE, name, [owner])) === 1 ? 'released' : 'not-held';
  }

  close(): Promise<void> {
    this.#connection.disconnect();
    return Promise.resolve();
  }

  async #try({ name, owner, ttlMs, renew, signal }: LockRequest): Promise<ValkeyGrant | null> {
    signal.throwIfAborted();
    // Before the request leaves: the server's ttl begins somewhere on the way, and must not end before ours.
    const provedAt = monotonicMs();
    const token = await this.#run(ACQUIRE, name, [owner, Math.ceil(ttlMs)]).catch(async (error: unknown) => {
      // It may have been granted all the same. If this does not arrive either, the ttl ends it.
      this.#run(RELEASE, name, [owner]).then(undefined, () => undefined);
      throw error;
    });
    if (token === null) return null;
    const lease = new Lease({ ttlMs, provedAt, auto: renew, renew: () => this.#renew(name, owner, ttlMs) });
    const grant = { name, owner, lease, fencingToken: BigInt(String(token)) };
    // Given back before the abort is reported. If that can't be told, the ttl ends it.
    if (signal.aborted) await this.release(grant).then(undefined, () => undefined);
    signal.throwIfAborted();
    return grant;
  }

  async #renew(name: string, owner: string, ttlMs: number): Promise<RenewResult> {
    return (await this.#run(RENEW, name, [owner, Math.ceil(ttlMs)])) === 1 ? 'renewed' : 'expired';
  }

  /** An answer of the server's, or a `BackendUnavailableError`: then nobody knows whether the script ran. */
  async #run(script: string, name: string, args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#connection.eval(script, 2, `holdfast-lock:${name}`, `holdfast-token:${name}`, ...args);
    } catch (error) {
      throw new BackendUnavailableError('Valkey did not do what was asked', { cause: withoutCommand(error) });
    }
  }
}

/** `valkey('redis://localhost:6379')`, to be given to `createLocks`. Connects at the first request. Throws `ConfigError`. */
export function valkey(url: string): LockBackend {
  // Not quoted: it may hold a password.
  if (!/^rediss?:\/\//.test(url)) throw new ConfigError('Expected a URL such as redis://user:password@localhost:6379');
  return new ValkeyBackend(connect(url));
}
