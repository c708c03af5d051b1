import type { ConfirmChannel, ConsumeMessage, Options, Replies } from 'amqplib';
import { DisconnectedError } from './errors.ts';
import { contentOf, propertiesOf } from './token.ts';
import type { Token } from './token.ts';
import { within } from './within.ts';

/**
 * A consumer may have two messages unacknowledged: one to hold on to and one to look at. With both taken the rest stays in the queue;
 * the proof in `consumer.ts` rests on it.
 */
export const PREFETCH = 2;

/** A channel, used by one request at a time: what goes wrong on it ends this request alone. */
export class Lane {
  readonly #channel: ConfirmChannel;
  readonly #patienceMs: number;
  readonly #closed: Promise<void>;
  #end: DisconnectedError | undefined;
  #cause: unknown;
  /** Called once when the channel is closed, by whomever: the broker has put back, or soon will, what was held on it. */
  onEnd: ((error: DisconnectedError) => void) | undefined;

  constructor(channel: ConfirmChannel, patienceMs: number) {
    this.#channel = channel;
    this.#patienceMs = patienceMs;
    this.#closed = new Promise((resolve) => channel.once('close', resolve));
    channel.on('error', (error) => (this.#cause = error));
    channel.once('close', () => this.#ended());
    // A delivery for a consumer that was cancelled has no one to take it: the end of the channel gives it back.
    channel.on('handler-error', (error) => {
      this.#cause = error;
      void this.close();
    });
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  get closed(): Promise<void> {
    return this.#closed;
  }

  declare(queue: string, options: Options.AssertQueue): Promise<Replies.AssertQueue> {
    return this.#ask(() => this.#channel.assertQueue(queue, options));
  }

  /** Goes through the queue's leader, behind all that this channel sent before. */
  check(queue: string): Promise<Replies.AssertQueue> {
    return this.#ask(() => this.#channel.checkQueue(queue));
  }

  delete(queue: string): Promise<Replies.DeleteQueue> {
    return this.#ask(() => this.#channel.deleteQueue(queue));
  }

  /** `onMessage` gets `null` when the broker cancels the consumer. */
  async consume(queue: string, onMessage: (message: ConsumeMessage | null) => void): Promise<string> {
    const { consumerTag } = await this.#ask(() => this.#channel.consume(queue, onMessage));
    return consumerTag;
  }

  async cancel(tag: string): Promise<void> {
    await this.#ask(() => this.#channel.cancel(tag));
  }

  publish(queue: string, token: Token): void {
    this.#channel.sendToQueue(queue, contentOf(token), propertiesOf(token));
  }

  /** All that was published is in the queue. */
  async confirmed(): Promise<void> {
    await this.#ask(() => this.#channel.waitForConfirms());
  }

  ack(message: ConsumeMessage): void {
    this.#channel.ack(message);
  }

  ackAll(): void {
    this.#channel.ackAll();
  }

  giveBackAll(): void {
    this.#channel.nackAll(true);
  }

  /** The broker puts back all that is unacknowledged and takes the consumer out of the queue in one step. Resolves when it has been told. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      this.#ended();
      // Never settles if the connection is silent; its end closes the channel, too.
      this.#channel.close().then(undefined, (error: unknown) => (this.#cause ??= error));
    }
    await this.#closed;
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    if (this.#end !== undefined) throw this.#end;
    try {
      return await within(request(), this.#patienceMs);
    } catch (error) {
      // The reply code of the broker, if it closed the channel, tells more than that it is closed.
      if (this.#end === undefined || typeof (error as { code?: unknown }).code === 'number') throw error;
      throw this.#end;
    }
  }

  #ended(): void {
    if (this.#end !== undefined) return;
    this.#end = new DisconnectedError('The channel is closed', { cause: this.#cause });
    this.onEnd?.(this.#end);
  }
}
