import { Lease } from '@holdfast/core/adapter';
import type { Capabilities, Diagnosis, Grant, LockBackend, LockRequest, ReleaseResult } from '@holdfast/core/adapter';
import { attempt } from './attempt.ts';
import { capabilities, capabilitiesAt } from './capabilities.ts';
import { Connections } from './connections.ts';
import { diagnose } from './diagnose.ts';
import { isPassing, unavailable } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import { Patience } from './patience.ts';
import type { Place } from './place.ts';
import { Queues, queueOf } from './queue.ts';
import { internalsOf } from './internals.ts';

export interface RabbitmqGrant extends Grant {
  readonly lease: Lease;
  readonly place: Place;
  readonly queue: string;
}

/** A queue per name with a single active consumer; see README.md for the whole. */
export class RabbitmqBackend implements LockBackend<RabbitmqGrant> {
  readonly name = 'rabbitmq';
  readonly capabilities: Capabilities;
  readonly #options: ResolvedOptions;
  readonly #connections: Connections;
  readonly #queues: Queues;

  constructor(options: ResolvedOptions) {
    const given = internalsOf(options.connection);
    this.capabilities = given === undefined ? capabilities : capabilitiesAt(given.heartbeat);
    this.#options = options;
    this.#connections = new Connections(options);
    this.#queues = new Queues(options.expiresMs);
  }

  async acquire(request: LockRequest): Promise<RabbitmqGrant | null> {
    const queue = queueOf(this.#options.prefix, request.name);
    const patience = new Patience(this.#options.patienceMs, request.signal);
    for (;;) {
      request.signal.throwIfAborted();
      try {
        const context = { connections: this.#connections, queues: this.#queues, options: this.#options };
        return await attempt(context, { request, queue, onQueued: () => patience.renew() });
      } catch (error) {
        request.signal.throwIfAborted();
        if (!isPassing(error)) throw unavailable(error, queue);
        if (!(await patience.pause())) throw unavailable(error, queue);
      }
    }
  }

  async release({ lease, place, queue }: RabbitmqGrant): Promise<ReleaseResult> {
    // What is lost is being given back already.
    if (lease.state === 'lost') return 'not-held';
    lease.end();
    return (await place.release(queue, this.#options.patienceMs)) ? 'released' : 'not-held';
  }

  diagnose(): Promise<Diagnosis> {
    return diagnose(this.#connections, this.#options);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}
