import type { ConfirmChannel, ConsumeMessage, Options, Replies } from 'amqplib';
import { DisconnectedError, NotReadyError } from './errors.ts';
import { contentOf, propertiesOf } from './token.ts';
import type { Token } from './token.ts';
import { within } from './within.ts';

/** How many messages a consumer may have unacknowledged. Two would do: the one that it keeps, and one to look at. */
const PREFETCH = 4;

/** A channel, used by one request: what goes wrong on it ends this request alone. */
export class Lane {
  readonly #channel: ConfirmChannel;
  readonly #patienceMs: number;
  readonly #closed: Promise<void>;
  #end: DisconnectedError | undefined;
  #cause: unknown;
  #hasConsumer = false;
  #isNacked = false;
  /** Called once when the channel is closed, by whomever: the broker has put back, or soon will, what was held on it. */
  onEnd: ((error: DisconnectedError) => void) | undefined;

  constructor(channel: ConfirmChannel, patienceMs: number) {
    this.#channel = channel;
    this.#patienceMs = patienceMs;
    this.#closed = new Promise((resolve) => channel.once('close', resolve));
    channel.on('error', (error) => (this.#cause = error));
    channel.on('nack', () => (this.#isNacked = true));
    channel.once('close', () => this.#ended());
    // What a listener throws would otherwise end the whole connection.
    channel.on('handler-error', (error) => {
      this.#cause = error;
      void this.close();
    });
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /** A consumer leaves with its channel. */
  get isReusable(): boolean {
    return this.isOpen && !this.#hasConsumer && !this.#isNacked;
  }

  get closed(): Promise<void> {
    return this.#closed;
  }

  declare(queue: string, options: Options.AssertQueue): Promise<Replies.AssertQueue> {
    return this.#ask((channel) => channel.assertQueue(queue, options));
  }

  /** Goes through the queue's leader, behind all that this channel sent before. */
  check(queue: string): Promise<Replies.AssertQueue> {
    return this.#ask((channel) => channel.checkQueue(queue));
  }

  /** What makes it ready for a consumer. */
  async prepare(): Promise<void> {
    await this.#ask((channel) => channel.prefetch(PREFETCH));
  }

  delete(queue: string): Promise<Replies.DeleteQueue> {
    return this.#ask((channel) => channel.deleteQueue(queue));
  }

  /** `onMessage` gets `null` when the broker cancels the consumer. */
  async consume(queue: string, onMessage: (message: ConsumeMessage | null) => void): Promise<void> {
    this.#hasConsumer = true;
    await this.#ask((channel) => channel.consume(queue, onMessage));
  }

  publish(queue: string, token: Token): void {
    this.#open().sendToQueue(queue, contentOf(token), propertiesOf(token));
  }

  /** All that was published is in the queue. */
  async confirmed(withinMs: number = this.#patienceMs): Promise<void> {
    const confirms = this.#ask((channel) => channel.waitForConfirms(), withinMs);
    await confirms.then(undefined, (error: unknown) => {
      if (!this.#isNacked) throw error;
    });
    // Also if that was before anybody asked.
    if (this.#isNacked) throw new NotReadyError('the broker could not put a message into the queue');
  }

  ack(message: ConsumeMessage): void {
    this.#open().ack(message);
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

  async #ask<T>(request: (channel: ConfirmChannel) => Promise<T>, patienceMs: number = this.#patienceMs): Promise<T> {
    try {
      return await within(request(this.#open()), patienceMs);
    } catch (error) {
      // The reply code of the broker, if it closed the channel, tells more than that it is closed.
      if (this.#end === undefined || typeof (error as { code?: unknown }).code === 'number') throw error;
      throw this.#end;
    }
  }

  #open(): ConfirmChannel {
    if (this.#end !== undefined) throw this.#end;
    return this.#channel;
  }

  #ended(): void {
    if (this.#end !== undefined) return;
    this.#end = new DisconnectedError('The channel is closed', { cause: this.#cause });
    this.onEnd?.(this.#end);
  }
}
