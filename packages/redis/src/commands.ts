import { errorCode, isTransient, RedisUnavailableError, timedOut } from './errors.ts';
import { DirectCall } from './call.ts';
import type { Call } from './call.ts';
import type { Link } from './link.ts';
import { Patience } from './patience.ts';
import { Replication } from './replication.ts';
import type { Script } from './scripts/script.ts';
import { ServerClock } from './server-clock.ts';
import type { Node, Runner } from './servers.ts';

export interface Invocation {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** Which replies of a script say that something is held: those count only once replicas have it, where that is asked for. */
export type Counts = (reply: unknown) => boolean;

/** So many scripts go in one write; the server serves other clients in between. */
const CHUNK = 250;

/** Runs scripts over one connection, in the order in which they are asked for. */
export class Commands implements Runner, Node {
  readonly link: Link;
  readonly clock: ServerClock = new ServerClock();
  readonly #expired: () => Error;
  readonly #patience: Patience;
  readonly #replication: Replication | undefined;

  /** `replicas`: how many must have what counts. */
  constructor(link: Link, timeoutMs: number, replicas: number) {
    this.link = link;
    // The next connection may lead to another server.
    link.on('close', () => this.clock.forget());
    this.#replication = replicas === 0 ? undefined : new Replication(link, replicas, timeoutMs);
    this.#expired = () => {
      link.unanswered(timeoutMs);
      return timedOut(link.server, timeoutMs);
    };
    this.#patience = new Patience(timeoutMs, this.#expired);
  }

  start(script: Script, { keys, args }: Invocation, counts?: Counts): Call {
    // Who is alone has nothing to wait for.
    if (this.#patience.pending > 0) this.link.gather();
    // Sent before anything else is done about it: it has a long way to go.
    const work =
      counts === undefined || this.#replication === undefined
        ? this.link.evalsha(script, keys, args)
        : this.#replicated(this.#replication, counts, () => this.link.evalsha(script, keys, args));
    const call = new DirectCall(this.clock, this.#patience.until, this.#expired);
    this.#patience.begin(call);
    const answered = (reply: unknown): void => {
      this.#patience.end(call);
      call.answered(reply);
    };
    work.then(answered, (error: unknown) => {
      void this.#anew(error, script, { keys, args }, counts).then(answered, (failure: unknown) => {
        this.#patience.end(call);
        call.failed(failure);
      });
    });
    return call;
  }

  /** Asks once more when the connection failed; only for what may be repeated. */
  run(script: Script, invocation: Invocation): Promise<unknown> {
    return this.start(script, invocation).reply.then(undefined, (error: unknown) => {
      if (!isTransient(error)) throw error;
      return this.start(script, invocation).reply;
    });
  }

  /** One script for many keys: one round trip for each {@link CHUNK}. One result or error each, in order. */
  async runAll(script: Script, invocations: readonly Invocation[], counts?: Counts): Promise<unknown[]> {
    const results: unknown[] = [];
    for (let at = 0; at < invocations.length; at += CHUNK) {
      results.push(...(await this.#pipeline(script, invocations.slice(at, at + CHUNK), counts)));
    }
    return results;
  }

  /** Whether this server has a subscriber to the channel. A message that nobody heeds. */
  async subscribed(channel: string): Promise<boolean> {
    try {
      return Number(await this.bounded(this.link.open().call('PUBLISH', channel, 'here'))) > 0;
    } catch (error) {
      throw this.#fault(error);
    }
  }

  /** `work`, but no longer than a command may take. */
  bounded<T>(work: Promise<T>): Promise<T> {
    return this.#patience.bound(work);
  }

  /** What `send` brings, once replicas have it if it `counts`. */
  async #replicated(replication: Replication, counts: Counts, send: () => Promise<unknown>): Promise<unknown> {
    const acknowledged = replication.acknowledged();
    const reply = await send();
    if (counts(reply)) await acknowledged;
    return reply;
  }

  /** A new server, or one whose scripts were flushed, does not know the script yet. */
  async #anew(error: unknown, script: Script, { keys, args }: Invocation, counts?: Counts): Promise<unknown> {
    if (errorCode(error) !== 'NOSCRIPT') throw this.#fault(error);
    try {
      const send = (): Promise<unknown> => this.link.open().eval(script.lua, keys.length, ...keys, ...args);
      const replication = counts === undefined ? undefined : this.#replication;
      return await (replication === undefined || counts === undefined
        ? send()
        : this.#replicated(replication, counts, send));
    } catch (failure) {
      throw this.#fault(failure);
    }
  }

  async #pipeline(script: Script, invocations: readonly Invocation[], counts?: Counts): Promise<unknown[]> {
    const replication = counts === undefined ? undefined : this.#replication;
    const lines = invocations.map(({ keys, args }) => ['evalsha', script.sha, keys.length, ...keys, ...args]);
    const all = replication === undefined ? lines : [...lines, replication.command()];
    let replies: [error: Error | null, result: unknown][] | null;
    try {
      replies = await this.bounded(this.link.open().pipeline(all).exec());
    } catch (error) {
      return invocations.map(() => error);
    }
    const shortage = replication === undefined ? undefined : this.#shortage(replication, replies?.[lines.length]);
    return await Promise.all(
      invocations.map(({ keys, args }, i) => {
        const [error, result] = replies?.[i] ?? [new Error('The pipeline was not executed'), undefined];
        if (error === null) return shortage !== undefined && counts?.(result) ? shortage : result;
        if (errorCode(error) !== 'NOSCRIPT') return this.link.fault(error);
        return this.start(script, { keys, args }, counts).reply.then(undefined, (failure: unknown) => failure);
      }),
    );
  }

  /** Why what a pipeline brought does not count. */
  #shortage(replication: Replication, reply: [error: Error | null, result: unknown] | undefined): unknown {
    const [error, have] = reply ?? [new Error('The pipeline was not executed'), undefined];
    if (error !== null) return this.link.fault(error);
    try {
      replication.assertEnough(have);
      return undefined;
    } catch (shortage) {
      return shortage;
    }
  }

  #fault(error: unknown): RedisUnavailableError {
    return error instanceof RedisUnavailableError ? error : this.link.fault(error);
  }
}
