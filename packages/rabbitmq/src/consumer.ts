import { randomUUID } from 'node:crypto';
import { LockLostError, monotonicMs } from '@holdfast/core/adapter';
import type { ConsumeMessage } from 'amqplib';
import { DisconnectedError, QueueGoneError } from './errors.ts';
import { PREFETCH } from './lane.ts';
import type { Lane } from './lane.ts';
import { tokenOf } from './token.ts';
import type { Token } from './token.ts';
import { within } from './within.ts';

/** That we were the active consumer of the queue after `startedAt`, and that `epoch` is above all tokens that came before. */
export interface Proof {
  readonly epoch: bigint;
  /** {@link monotonicMs}. */
  readonly startedAt: number;
}

interface Echo {
  readonly heard: () => void;
  readonly failed: (error: unknown) => void;
}

interface Unacked {
  readonly message: ConsumeMessage;
  readonly token: Token;
}

/**
 * A request's consumer of the lock's queue, of which the broker lets only one be active: the first that registered. To hold is to be
 * the active consumer, and that is proved by an echo: a message of ours came back, so we were active when it did.
 *
 * Each echo is published three times. The first two copies fill our prefetch, so the third one stays in the queue. At every step of the
 * queue's log it therefore holds that a message with the epoch of the last hold, or a greater one, is ready, or goes back when its consumer
 * is removed; and whoever is active next reads it before its own echo. So tokens grow, whatever dies between which two steps.
 */
export class Consumer {
  readonly #lane: Lane;
  readonly #queue: string;
  readonly #patienceMs: number;
  readonly #echoes = new Map<string, Echo>();
  #next: Echo | undefined;
  #unacked: Unacked[] = [];
  /** Above all that others published, as far as we have read. */
  #seen = 0n;
  #held: bigint | undefined;
  /** The first message, while we take the lock: it is not acknowledged, so the broker has room for two more, unless it took this one back. */
  #anchor: Unacked | undefined;
  #tag: string | undefined;
  #over: Error | undefined;
  /** The first message came: we are, or were, active. */
  onActive: (() => void) | undefined;
  /** Not by our own doing. */
  onOver: ((error: Error) => void) | undefined;

  constructor(lane: Lane, queue: string, patienceMs: number) {
    this.#lane = lane;
    this.#queue = queue;
    this.#patienceMs = patienceMs;
    lane.onEnd = (error) => this.#end(error);
  }

  get isActive(): boolean {
    return this.#unacked.length > 0;
  }

  get over(): Error | undefined {
    return this.#over;
  }

  /** Registers at the end of the line. */
  async start(): Promise<void> {
    this.#tag = await this.#lane.consume(this.#queue, (message) => this.#onMessage(message));
  }

  /** Becomes the holder, once active. */
  async take(): Promise<Proof> {
    [this.#anchor] = this.#unacked;
    for (;;) {
      const epoch = this.#seen + 1n;
      const startedAt = monotonicMs();
      await within(this.#echo(epoch), this.#patienceMs);
      // The echo may be from before we were passed over.
      await this.#checkPlace();
      // Others had more to say before our message than we had read when we sent it: once more, above that. Our own second copy, where it
      // is here already, counts as well: without that the model found the same token granted twice (040).
      if (this.#seen >= epoch) continue;
      this.#held = epoch;
      this.#anchor = undefined;
      return { epoch, startedAt };
    }
  }

  /**
   * Right after `take`, where its round trips used the proof up: another one, of a single round trip. Our prefetch is full, so what comes
   * next was served after we made room for it, to the active consumer. It may be our last copy, so another one is published before.
   */
  async proveAgain(): Promise<void> {
    if (this.#over !== undefined) throw this.#over;
    const [least] = this.#unacked.toSorted((a, b) => (a.token.epoch < b.token.epoch ? -1 : 1));
    if (least === undefined || this.#held === undefined || this.#unacked.length < PREFETCH) return await this.renew();
    const served = new Promise<void>((resolve, reject) => (this.#next = { heard: resolve, failed: reject }));
    this.#lane.publish(this.#queue, { kind: 'hold', epoch: this.#held, id: randomUUID() });
    this.#unacked = this.#unacked.filter((one) => one !== least);
    this.#lane.ack(least.message);
    await served;
  }

  /** Proves that we still hold, and replaces what lies unacknowledged, before the broker's consumer timeout. */
  async renew(): Promise<void> {
    if (this.#held !== undefined) await this.#echo(this.#held);
  }

  /** After `take`: the next in line is active, and reads our third copy, when this resolves. */
  async release(): Promise<void> {
    // Until it is confirmed, the copy that the next one must read may be missing.
    await this.#lane.confirmed();
    // Who was passed over meanwhile may have been served that very copy: only the end of the channel puts it back in one step.
    await this.#checkPlace();
    await this.#cancel();
    this.#lane.ackAll();
  }

  /** Instead of `take`: out of the line, or back with a message that met us on our way out. */
  async leave(): Promise<void> {
    await this.#cancel();
    if (!this.isActive) return;
    this.#lane.giveBackAll();
    // Who is told that we left may ask at once: what we gave back must be ahead of it.
    await this.#lane.check(this.#queue);
  }

  /** From here on nothing that happens to the channel is our concern. */
  forget(): void {
    this.#failEchoes(new DisconnectedError('The request has left the queue'));
    this.onActive = undefined;
    this.onOver = undefined;
    this.#lane.onEnd = undefined;
  }

  async #cancel(): Promise<void> {
    if (this.#tag !== undefined) await this.#lane.cancel(this.#tag);
  }

  /** More unacknowledged than there is room for: the cluster took us for dead, served another one, and made us active again. */
  async #checkPlace(): Promise<void> {
    await this.#lane.barrier();
    if (this.#unacked.length > PREFETCH) throw new DisconnectedError('The place in the queue was lost meanwhile');
  }

  #echo(epoch: bigint): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const id = randomUUID();
    const heard = new Promise<void>((resolve, reject) => this.#echoes.set(id, { heard: resolve, failed: reject }));
    // Before anything is acknowledged: the queue is never without a message.
    for (let copy = 0; copy < PREFETCH; copy += 1) this.#lane.publish(this.#queue, { kind: 'hold', epoch, id });
    this.#read();
    return heard;
  }

  #onMessage(message: ConsumeMessage | null): void {
    if (message === null) {
      this.#end(new QueueGoneError('The queue was deleted'));
      return;
    }
    const token = tokenOf(message);
    this.#unacked.push({ message, token });
    const echo = this.#echoes.get(token.id);
    if (echo === undefined) this.#notice(token);
    this.#echoes.delete(token.id);
    echo?.heard();
    this.#next?.heard();
    this.#next = undefined;
    this.#read();
    this.onActive?.();
    this.onActive = undefined;
  }

  #notice({ kind, epoch }: Token): void {
    if (epoch > this.#seen) this.#seen = epoch;
    // The cluster took us for dead, let another one hold, and made us active again: see docs/decisions/041.
    if (kind === 'hold' && this.#held !== undefined && epoch > this.#held) {
      this.#end(new LockLostError('The lock is lost: another one held it meanwhile'));
    }
  }

  /** Makes room for what is to come by dropping all but the greatest, as long as an echo is awaited. */
  #read(): void {
    if (!this.#lane.isOpen || this.#echoes.size === 0 || this.#unacked.length < PREFETCH) return;
    const others = this.#unacked.filter((one) => one !== this.#anchor);
    const greatest = others.reduce((one, other) => (other.token.epoch < one.token.epoch ? one : other));
    this.#unacked = this.#unacked.filter((one) => one === this.#anchor || one === greatest);
    for (const one of others) if (one !== greatest) this.#lane.ack(one.message);
  }

  #end(error: Error): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#failEchoes(error);
    this.onOver?.(error);
  }

  #failEchoes(error: Error): void {
    for (const { failed } of this.#echoes.values()) failed(error);
    this.#echoes.clear();
    this.#next?.failed(error);
    this.#next = undefined;
  }
}
