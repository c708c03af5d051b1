import { monotonicMs } from '@holdfast/core/adapter';
import { errorCode, RedisUnavailableError } from './errors.ts';
import type { Link } from './link.ts';

/** The share of the time for an answer that replicas have: with what may be ahead of it on the connection, it is still answered in time. */
const PATIENCE = 1 / 4;
/** And at most so long, in ms. */
const LONGEST_MS = 1000;
/** The part of that which they have once they were too late: the connection must be free for releases meanwhile. */
const HURRIED = 1 / 10;
/** The server does nothing else for a connection that waits: more would only add up where replicas are missing. */
const AT_ONCE = 2;

interface Question {
  readonly answer: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Whether enough replicas have what was written: `WAIT`, on the same connection behind the scripts, one for all that are sent in the
 * same turn of the event loop. It costs the replicas' round trip, and none of ours.
 *
 * Source: https://redis.io/docs/latest/commands/wait/. It speaks of the writes of its *connection*: on another one it would say yes to anything.
 */
export class Replication {
  readonly #link: Link;
  readonly #replicas: number;
  readonly #timeoutMs: number;
  readonly #withinMs: number;
  /** Until when replicas that were too late get no more than {@link HURRIED}; then all of the time again, once, in case they are only slow. By the monotonic clock. */
  #hurriedUntil = -Infinity;
  /** Not sent yet. */
  #next: Question | undefined;
  #underWay = 0;
  /** Counts the connections. */
  #connection = 0;

  constructor(link: Link, replicas: number, timeoutMs: number) {
    this.#link = link;
    this.#replicas = replicas;
    this.#timeoutMs = timeoutMs;
    this.#withinMs = Math.ceil(Math.min(timeoutMs * PATIENCE, LONGEST_MS));
    link.on('close', () => {
      this.#connection += 1;
      // What it asks about went with the connection.
      this.#next?.reject(new RedisUnavailableError(`The connection to Redis at ${link.server} was lost`, true));
      this.#next = undefined;
    });
  }

  /** What must be sent at the end of a pipeline. */
  command(): [command: string, ...args: number[]] {
    const hurried = monotonicMs() < this.#hurriedUntil;
    // Only one has all of the time while it is not known how it goes on.
    if (!hurried && this.#hurriedUntil !== -Infinity) this.#hurriedUntil = monotonicMs() + this.#timeoutMs;
    return ['wait', this.#replicas, hurried ? Math.ceil(this.#withinMs * HURRIED) : this.#withinMs];
  }

  /**
   * To be called just before a script is sent. Resolves when the replicas have what it writes; rejects with `RedisUnavailableError` when they
   * don't in time, or when that can't be known any more.
   */
  acknowledged(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = question();
      // Before `gather` lets go of what it holds back, so that both leave in one write.
      process.nextTick(() => this.#send());
    }
    this.#link.gather();
    return this.#next.answer;
  }

  /** Throws `RedisUnavailableError` unless `reply`, of {@link command}, says that enough have it. */
  assertEnough(reply: unknown): void {
    const have = Number(reply);
    if (have >= this.#replicas) {
      this.#hurriedUntil = -Infinity;
      return;
    }
    if (monotonicMs() >= this.#hurriedUntil) this.#hurriedUntil = monotonicMs() + this.#timeoutMs;
    const message = `${have} of the ${this.#replicas} replicas that must have a grant of Redis at ${this.#link.server} confirmed it in time`;
    throw new RedisUnavailableError(message, true);
  }

  #send(): void {
    const asked = this.#next;
    if (asked === undefined || this.#underWay === AT_ONCE) return;
    this.#next = undefined;
    this.#underWay += 1;
    void this.#ask()
      .then(asked.resolve, asked.reject)
      .finally(() => {
        this.#underWay -= 1;
        this.#send();
      });
  }

  async #ask(): Promise<void> {
    const connection = this.#connection;
    const [command, ...args] = this.command();
    let reply: unknown;
    try {
      reply = await this.#link.open().call(command, ...args.map(String));
    } catch (error) {
      // A server that is no longer the master refuses with a bare ERR: nothing is wrong with the question.
      const { message, cause } = this.#link.fault(error);
      throw new RedisUnavailableError(message, errorCode(error) !== 'NOPERM', { cause });
    }
    // ioredis may have repeated it on a new connection.
    if (connection !== this.#connection) throw new RedisUnavailableError('The connection to Redis was renewed', true);
    this.assertEnough(reply);
  }
}

function question(): Question {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const answer = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Who needs no answer, because nothing was granted, does not look at it.
  answer.then(undefined, () => undefined);
  return { answer, resolve, reject };
}
