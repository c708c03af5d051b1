import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, createLocks } from '@holdfast/core';
import type { Grant, LockBackend, LockRequest, ReleaseResult } from '@holdfast/core';
import { Lease, monotonicMs } from '@holdfast/core/adapter';
import { memory } from '@holdfast/memory';

type Operation = 'acquire' | 'raise' | 'release';

interface GatedGrant extends Grant {
  readonly inner: Grant;
}

/** A memory backend whose answers a test can hold back, and that can be out of reach. */
export class Gated {
  readonly backend: LockBackend;
  /** Out of reach: nothing is done. */
  isDown = false;
  /** What was asked so far. */
  readonly asked: Operation[] = [];
  readonly #name: string;
  readonly #inner: LockBackend;
  readonly #held: Record<Operation, Promise<void> | undefined> = {
    acquire: undefined,
    raise: undefined,
    release: undefined,
  };
  readonly #before: Record<Operation, Promise<void> | undefined> = { ...this.#held };

  constructor(name: string, maxTtlMs = Infinity) {
    const inner = (this.#inner = memory({ name }));
    this.#name = name;
    const { voting } = inner;
    if (voting === undefined) throw new Error('memory can vote');
    this.backend = {
      name: 'gated',
      capabilities: inner.capabilities,
      acquire: (request) => this.#pass('acquire', () => this.#acquire(request)),
      release: (grant) => this.#pass('release', () => this.#release(grant as GatedGrant)),
      close: () => inner.close(),
      voting: {
        maxTtlMs,
        raise: (grant, token) => this.#pass('raise', () => voting.raise((grant as GatedGrant).inner as never, token)),
      },
    };
  }

  /** From now on what is asked is done, but not answered, until the function is called that this returns. */
  hold(operation: Operation): () => void {
    return close(this.#held, operation);
  }

  /** From now on what is asked does not arrive until the function is called that this returns. */
  block(operation: Operation): () => void {
    return close(this.#before, operation);
  }

  /** What is asked from now on arrives; what was asked before goes on waiting. */
  admit(operation: Operation): void {
    this.#before[operation] = undefined;
  }

  /** Takes whatever is held of `name` from its holders. */
  async rob(name: string): Promise<void> {
    const thief = await createLocks(memory({ name: this.#name }));
    await (await thief.acquire(name, { steal: true })).release();
    await thief.close();
  }

  async isFree(name: string): Promise<boolean> {
    const { held } = (await this.#inner.query?.(name)) ?? { held: [] };
    return held.length === 0;
  }

  async #acquire(request: LockRequest): Promise<GatedGrant | null> {
    const provedAt = monotonicMs();
    const inner = await this.#inner.acquire(request);
    if (inner === null) return null;
    const { ttlMs } = request;
    const lease = new Lease({
      ttlMs,
      provedAt,
      auto: false,
      renew: async () => {
        if (this.isDown) throw new BackendUnavailableError('This member is out of reach');
        await inner.lease.renew();
        return 'renewed';
      },
    });
    inner.lease.observe((event) => {
      if (event.type === 'lost') lease.lose(event.error.reason);
    });
    return { fencingToken: inner.fencingToken, lease, inner };
  }

  #release({ lease, inner }: GatedGrant): Promise<ReleaseResult> {
    lease.end();
    return this.#inner.release(inner);
  }

  async #pass<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    this.asked.push(operation);
    await this.#before[operation];
    if (this.isDown) throw new BackendUnavailableError('This member is out of reach');
    const result = await work();
    await this.#held[operation];
    return result;
  }
}

function close(gates: Record<Operation, Promise<void> | undefined>, operation: Operation): () => void {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  gates[operation] = gate;
  return () => {
    if (gates[operation] === gate) gates[operation] = undefined;
    open();
  };
}

/** Resolves once `condition` is true; a test that waits in vain ends by its own time limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(2);
}
