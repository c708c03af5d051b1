import { Lease, monotonicMs, UnsupportedError } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Grant,
  LockBackend,
  LockInfo,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
  RenewResult,
} from '@holdfast/core/adapter';
import { Connection } from './connection.ts';
import { habitsOf } from './habits.ts';
import type { Habits } from './habits.ts';
import { waitForGrant } from './wait.ts';
import type { Answer, WireInfo } from './wire.ts';

export interface ReferenceGrant extends Grant {
  readonly name: string;
  readonly owner: string;
}

export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 50, granularityMs: 20 },
  fencing: 'per-name',
  reach: 'network',
  durability: 'Everything ends with the server',
};

/** A correct client of the reference server, unless its habits say otherwise. */
export class ReferenceBackend implements LockBackend<ReferenceGrant> {
  readonly name = 'reference';
  readonly capabilities: Capabilities = capabilities;
  readonly #habits: Habits;
  readonly #connection: Connection;

  constructor(address: { host: string; port: number }, habits: Partial<Habits> = {}) {
    this.#habits = habitsOf(habits);
    this.#connection = new Connection(address, this.#habits.keepsProcessAlive);
  }

  async acquire(request: LockRequest): Promise<ReferenceGrant | null> {
    request.signal.throwIfAborted();
    const provedAt = monotonicMs();
    this.#connection.expect(request.owner);
    try {
      const answer = await this.#connection.call(this.#command(request));
      request.signal.throwIfAborted();
      if (answer.place === 'held') return this.#grant(request, answer, provedAt);
      if (!request.wait) {
        this.#connection.forget(request.owner);
        return null;
      }
      if (this.#habits.tellsContended) request.onContended();
      return await this.#wait(request);
    } catch (error) {
      // Aborted, or the answer is unknown: take back whatever became of it, and let nobody wait for that in vain.
      if (this.#habits.takesBack) await this.#leave(request.name, request.owner).then(undefined, () => undefined);
      throw error;
    }
  }

  async release(grant: ReferenceGrant): Promise<ReleaseResult> {
    const { name, owner, lease } = grant;
    lease.end();
    const { left } = await this.#leave(name, owner);
    if (this.#habits.renewsForever)
      setInterval(() => void this.#renew(name, owner).catch(() => undefined), lease.ttlMs / 3).unref();
    return left === true ? 'released' : 'not-held';
  }

  async close(): Promise<void> {
    if (this.#habits.closesConnection) this.#connection.close();
  }

  async query(name?: string): Promise<LockSnapshot> {
    const { held = [], pending = [] } = await this.#connection.call({ op: 'query', name });
    return { held: held.map(infoOf), pending: pending.map(infoOf) };
  }

  #command(request: LockRequest): Parameters<Connection['call']>[0] {
    const { name, owner, mode, permits, wait, steal, client } = request;
    return {
      op: 'request',
      name,
      owner,
      mode,
      permits,
      ttlMs: this.#habits.ttlMs ?? request.ttlMs,
      wait,
      steal,
      client,
    };
  }

  async #wait(request: LockRequest): Promise<ReferenceGrant> {
    const { answer, provedAt } = await waitForGrant({
      connection: this.#connection,
      request,
      habits: this.#habits,
      enter: () => this.#connection.call(this.#command(request)),
      confirm: () => this.#renew(request.name, request.owner),
    });
    request.signal.throwIfAborted();
    return this.#grant(request, answer, provedAt);
  }

  #grant(request: LockRequest, answer: Answer, startedAt: number): ReferenceGrant {
    const { name, owner, ttlMs } = request;
    const provedAt = this.#habits.countsFromAnswer ? monotonicMs() : startedAt;
    const renew = async (held: Lease): Promise<RenewResult> => {
      try {
        if ((await this.#renew(name, owner)).place === 'held') return 'renewed';
        return held.remainingMs > 0 ? 'stolen' : 'expired';
      } catch (error) {
        if (this.#habits.takesFailureForRenewal) return 'renewed';
        throw error;
      }
    };
    const lease = new Lease({ ttlMs, provedAt, renew, auto: request.renew && this.#habits.renews });
    this.#connection.listen(owner, ({ type }) => {
      if (type === 'granted' || (type === 'disconnected' && !this.#habits.takesDisconnectForLoss)) return;
      lease.lose(type);
    });
    return { name, owner, lease, fencingToken: BigInt(answer.token ?? 0) };
  }

  #renew(name: string, owner: string): Promise<Answer> {
    return this.#connection.call({ op: 'renew', name, owner });
  }

  async #leave(name: string, owner: string): Promise<Answer> {
    this.#connection.forget(owner);
    return await this.#connection.call({ op: 'leave', name, owner });
  }
}

function infoOf({ fencingToken, since, ...info }: WireInfo): LockInfo {
  if (since === undefined) throw new UnsupportedError('The server keeps no times');
  return {
    ...info,
    since: new Date(since),
    ...(fencingToken === undefined ? {} : { fencingToken: BigInt(fencingToken) }),
  };
}
