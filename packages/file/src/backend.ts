import { Lease, LocksClosedError, snapshot } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  Grant,
  LockBackend,
  LockRequest,
  LockSnapshot,
  QueueState,
  ReleaseResult,
  RenewResult,
} from '@holdfast/core/adapter';
import { hostMs } from './clock.ts';
import { diagnose } from './diagnose.ts';
import { fileError } from './errors.ts';
import { ownerKey, sessionOf } from './log/record.ts';
import type { ResolvedOptions } from './options.ts';
import type { Partition } from './partition.ts';
import { Root } from './root.ts';
import { Ticket } from './ticket.ts';

export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 100, granularityMs: 100 },
  fencing: 'per-name',
  reach: 'host',
  durability: 'A reboot frees all locks; tokens go on, by the log or else by the wall clock',
};

export interface FileGrant extends Grant {
  readonly ticket: Ticket;
  readonly partition: Partition;
}

export class FileBackend implements LockBackend<FileGrant> {
  readonly name = 'file';
  readonly capabilities: Capabilities = capabilities;
  readonly #root: Root;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.#root = new Root(options);
  }

  async acquire(request: LockRequest): Promise<FileGrant | null> {
    if (this.#closed !== undefined) throw new LocksClosedError();
    request.signal.throwIfAborted();
    await this.#root.open();
    const partition = this.#root.partitionOf(request.name);
    const ticket = new Ticket(ownerKey(this.#root.session.id, request.owner), request);
    partition.add(ticket);
    try {
      const provedAt = await this.#enter(partition, ticket);
      if (provedAt !== undefined) return this.#grant(partition, ticket, provedAt);
      partition.remove(ticket);
      return null;
    } catch (error) {
      await this.#giveUp(partition, ticket);
      throw request.signal.aborted ? request.signal.reason : fileError(error, this.#root.directory);
    }
  }

  async release({ lease, partition, ticket }: FileGrant): Promise<ReleaseResult> {
    lease.end();
    partition.remove(ticket);
    if (ticket.state.kind !== 'granted') return 'not-held';
    try {
      const { applied } = await partition.append({ type: 'leave', name: ticket.request.name, owner: ticket.key });
      ticket.ended('expired');
      return applied.some(({ left }) => left !== undefined) ? 'released' : 'not-held';
    } catch (error) {
      throw fileError(error, this.#root.directory);
    }
  }

  async query(name?: string): Promise<LockSnapshot> {
    if (this.#closed !== undefined) throw new LocksClosedError();
    const partitions = name === undefined ? await this.#root.partitions() : [this.#root.partitionOf(name)];
    const held = [];
    const pending = [];
    for (const partition of partitions) {
      try {
        await partition.refresh();
      } catch (error) {
        throw fileError(error, this.#root.directory);
      }
      for (const [key, queue] of partition.queues) {
        if (name !== undefined && key !== name) continue;
        const seen = snapshot(key, unexpired(queue));
        held.push(...seen.held);
        pending.push(...seen.pending);
      }
    }
    return { held, pending };
  }

  diagnose(): Promise<Diagnosis> {
    return diagnose(this.#root);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#root.close());
  }

  /** Until the ticket holds; resolves with the time from which that is proved, or with `undefined` if it must not wait. */
  async #enter(partition: Partition, ticket: Ticket): Promise<number | undefined> {
    const { name, mode, permits, ttlMs, client, wait, steal, signal } = ticket.request;
    const request = { type: 'request', name, owner: ticket.key, mode, permits, ttlMs, client, wait, steal } as const;
    let contended = false;
    let probed = false;
    for (;;) {
      ticket.entering();
      const { startedAt } = await partition.append(request);
      ticket.reconcile(partition.entry(ticket));
      signal.throwIfAborted();
      if (isGranted(ticket)) return startedAt;
      if (!wait) {
        // A holder whose process is dead does not count, as it would not for one that waits.
        if (probed || !(await this.#buryDead(partition, name))) return undefined;
        probed = true;
        continue;
      }
      if (!contended && ticket.state.kind === 'waiting') ticket.request.onContended();
      contended = true;
      await ticket.decided();
      if (!isGranted(ticket)) continue;
      // Who granted it did not know whether this process is alive: until this renewal it holds for a short time only. If the
      // process slept meanwhile, that time is over, the renewal finds nothing, and the request queues again.
      const confirmed = await partition.append({ type: 'renew', name, owner: ticket.key });
      signal.throwIfAborted();
      if (isGranted(ticket)) return confirmed.startedAt;
    }
  }

  #grant(partition: Partition, ticket: Ticket, provedAt: number): FileGrant {
    const { state, request } = ticket;
    if (state.kind !== 'granted') throw new Error('A grant without a token');
    const renew = async (): Promise<RenewResult> => {
      try {
        await partition.append({ type: 'renew', name: request.name, owner: ticket.key });
      } catch (error) {
        throw fileError(error, this.#root.directory);
      }
      return ticket.state.kind === 'gone' ? ticket.state.reason : 'renewed';
    };
    const lease = new Lease({ ttlMs: request.ttlMs, provedAt, renew, auto: request.renew });
    ticket.lease = lease;
    return { fencingToken: state.token, lease, partition, ticket };
  }

  /** Whether a process ahead in the queue turned out to be dead; its entries are gone then. */
  async #buryDead(partition: Partition, name: string): Promise<boolean> {
    const sessions = new Set(partition.queues.get(name)?.entries.map((entry) => sessionOf(entry.owner)));
    sessions.delete(this.#root.session.id);
    const dead = await Promise.all(
      [...sessions].map(async (session) => ((await this.#root.peers.isDead(session)) ? [session] : [])),
    );
    await Promise.all(dead.flat().map((session) => partition.append({ type: 'dead', session })));
    return dead.flat().length > 0;
  }

  /** Takes the request back, granted or not. */
  async #giveUp(partition: Partition, ticket: Ticket): Promise<void> {
    partition.remove(ticket);
    try {
      await partition.append({ type: 'leave', name: ticket.request.name, owner: ticket.key });
    } catch (error) {
      // The first error is the one to report. An entry that stays behind is granted for a short time only: nobody confirms it.
      void error;
    }
  }
}

function isGranted(ticket: Ticket): boolean {
  return ticket.state.kind === 'granted';
}

/** Time goes on without anybody writing it down. */
function unexpired(queue: QueueState): QueueState {
  const now = hostMs();
  return { ...queue, entries: queue.entries.filter((entry) => entry.expiresAt > now) };
}
