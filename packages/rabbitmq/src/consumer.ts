import { randomUUID } from 'node:crypto';
import { LockLostError, monotonicMs } from '@holdfast/core/adapter';
import type { ConsumeMessage } from 'amqplib';
import { DisconnectedError, QueueGoneError } from './errors.ts';
import type { Lane } from './lane.ts';
import { read } from './reading.ts';
import type { Proposal, Reading, Served } from './reading.ts';
import { clockEpoch, tokenOf } from './token.ts';
import { within } from './within.ts';

/** That we were the active consumer of the queue after `startedAt`, and that `epoch` is above all tokens that came before. */
export interface Proof {
  readonly epoch: bigint;
  /** {@link monotonicMs}. */
  readonly startedAt: number;
}

interface Awaited<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

interface Delivery extends Served {
  readonly message: ConsumeMessage;
}

/** After so long without an echo the proposal is published once more. In ms. */
const REPEAT_MS = 1000;

/**
 * A request's consumer of the lock's queue, of which the broker lets only one be active: the first that registered. To hold is to be
 * the active consumer, and that is proved by an echo: a message of ours that came back. It leaves with its channel, never by `basic.cancel`:
 * so at every step of the queue's log what was served is with the active consumer, or was put back in front of all the rest.
 */
export class Consumer {
  readonly #lane: Lane;
  readonly #queue: string;
  readonly #renewals = new Map<string, Awaited<void>>();
  #reading: Reading<Delivery> = { phase: 'waiting' };
  #proposedAt = 0;
  #taking: Awaited<Proof> | undefined;
  #over: Error | undefined;
  /** The first message came: we are, or were, active. */
  onActive: (() => void) | undefined;
  /** Not by our own doing. */
  onOver: ((error: Error) => void) | undefined;

  constructor(lane: Lane, queue: string) {
    this.#lane = lane;
    this.#queue = queue;
    lane.onEnd = (error) => this.#end(error);
  }

  get isActive(): boolean {
    return this.#reading.phase !== 'waiting';
  }

  get over(): Error | undefined {
    return this.#over;
  }

  /** Registers at the end of the line. From the first message on it tries to take the lock. */
  async start(): Promise<void> {
    await this.#lane.consume(this.#queue, (message) => this.#onMessage(message));
  }

  /** Once active: resolves when the proposal came back. */
  async take(patienceMs: number): Promise<Proof> {
    if (this.#over !== undefined) throw this.#over;
    const { phase } = this.#reading;
    if (phase === 'holding') return this.#proof(this.#reading.epoch);
    const taken = new Promise<Proof>((resolve, reject) => (this.#taking = { resolve, reject }));
    const repeating = setInterval(() => this.#repeat(), REPEAT_MS).unref();
    return await within(taken, patienceMs).finally(() => clearInterval(repeating));
  }

  /** Proves that we have held all the time, and replaces what lies unacknowledged, before the broker's consumer timeout. */
  renew(): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    if (this.#reading.phase !== 'holding') return Promise.reject(new Error('Expected a holder'));
    // Not less than what is kept, or it would not take its place.
    const { epoch } = this.#reading.kept;
    const id = randomUUID();
    const heard = new Promise<void>((resolve, reject) => this.#renewals.set(id, { resolve, reject }));
    this.#lane.publish(this.#queue, { epoch, id });
    return heard;
  }

  /** From here on nothing that happens to the channel is our concern. */
  forget(): void {
    this.#fail(new DisconnectedError('The request has left the queue'));
    this.onActive = undefined;
    this.onOver = undefined;
    this.#lane.onEnd = undefined;
  }

  #onMessage(message: ConsumeMessage | null): void {
    if (message === null) {
      this.#end(new QueueGoneError('The queue was deleted'));
      return;
    }
    if (!this.#lane.isOpen || this.#over !== undefined) return;
    const delivery: Delivery = { ...tokenOf(message), isReturned: message.fields.redelivered, message };
    const { reading, dropped } = read(this.#reading, delivery, (least, remembers) => this.#propose(least, remembers));
    this.#reading = reading;
    if (dropped !== undefined) this.#lane.ack(dropped.message);
    if (reading.phase === 'lost')
      this.#end(new LockLostError('The lock is lost: another one may have held it meanwhile'));
    if (reading.phase === 'holding') this.#heard(reading.epoch, delivery.id);
    this.onActive?.();
    this.onActive = undefined;
  }

  #propose(least: bigint, remembers: boolean): Proposal {
    const clock = remembers ? 0n : clockEpoch();
    const proposal = { epoch: clock > least ? clock : least, id: randomUUID() };
    this.#proposedAt = monotonicMs();
    this.#lane.publish(this.#queue, proposal);
    return proposal;
  }

  /**
   * A leader that dies may take a message along that it has not stored, or one that it has served and not sent: a channel asks for what it
   * misses only when something else comes. A second copy is one message more of the same number, as a renewal's is.
   */
  #repeat(): void {
    if (this.#reading.phase === 'taking' && this.#lane.isOpen) this.#lane.publish(this.#queue, this.#reading.proposal);
  }

  #heard(epoch: bigint, id: string): void {
    this.#taking?.resolve(this.#proof(epoch));
    this.#taking = undefined;
    this.#renewals.get(id)?.resolve();
    this.#renewals.delete(id);
  }

  #proof(epoch: bigint): Proof {
    return { epoch, startedAt: this.#proposedAt };
  }

  #end(error: Error): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#fail(error);
    this.onOver?.(error);
  }

  #fail(error: Error): void {
    this.#taking?.reject(error);
    this.#taking = undefined;
    for (const { reject } of this.#renewals.values()) reject(error);
    this.#renewals.clear();
  }
}
