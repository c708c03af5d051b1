import { Patience } from '@holdfast/core/adapter';
import { errorCode, isTransient, RedisUnavailableError } from './errors.ts';
import { DirectCall } from './call.ts';
import type { Call, CallOwner } from './call.ts';
import type { Link } from './link.ts';
import { Replication } from './replication.ts';
import type { Script } from './scripts/script.ts';
import { ScriptCommand } from './script-command.ts';
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
/** So many writes are under way at once. One at a time would get but one turn for each that other requests of this client get. */
const CHUNKS_AT_ONCE = 4;

/** Runs scripts over one connection, in the order in which they are asked for. */
export class Commands implements Runner, Node {
  readonly link: Link;
  readonly clock: ServerClock = new ServerClock();
  readonly #owner: CallOwner;
  readonly #patience: Patience;
  readonly #replication: Replication | undefined;

  /** `replicas`: how many must have what counts. */
  constructor(link: Link, timeoutMs: number, replicas: number) {
    this.link = link;
    // The next connection may lead to another server.
    link.on('close', () => this.clock.forget());
    this.#replication = replicas === 0 ? undefined : new Replication(link, replicas, timeoutMs);
    const expired = (): Error => link.unanswered(timeoutMs);
    this.#patience = new Patience(timeoutMs, expired);
    this.#owner = {
      clock: this.clock,
      expired,
      recover: (call, error) => this.#anew(call, error),
      over: (call) => this.#patience.end(call),
    };
  }

  start(script: Script, invocation: Invocation, counts?: Counts, made?: ScriptCommand): Call {
    // Who is alone has nothing to wait for.
    const { pending } = this.#patience;
    if (pending > 0) this.link.gather(pending);
    const call = new DirectCall(this.#owner, script, invocation, this.#patience.until, made);
    if (counts === undefined || this.#replication === undefined) this.link.send(call);
    else this.#sendReplicated(this.#replication, call, counts);
    this.#patience.begin(call);
    return call;
  }

  /** Asks once more when the connection failed; only for what may be repeated. */
  run(script: Script, invocation: Invocation, made?: ScriptCommand): Promise<unknown> {
    return this.start(script, invocation, undefined, made).reply.then(undefined, (error: unknown) => {
      if (!isTransient(error)) throw error;
      return this.start(script, invocation).reply;
    });
  }

  make(script: Script, { keys, args }: Invocation): ScriptCommand | undefined {
    return this.link.isDirect ? new ScriptCommand(script, keys, args).readied() : undefined;
  }

  /** One script for many keys: one round trip for each {@link CHUNK}. One result or error each, in order. */
  async runAll(script: Script, invocations: readonly Invocation[], counts?: Counts): Promise<unknown[]> {
    const results: unknown[][] = [];
    let at = 0;
    const send = async (): Promise<void> => {
      while (at < invocations.length) {
        const from = at;
        at += CHUNK;
        results[from / CHUNK] = await this.#pipeline(script, invocations.slice(from, at), counts);
      }
    };
    await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, send));
    return results.flat();
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

  /** It counts once replicas have it. */
  #sendReplicated(replication: Replication, call: DirectCall, counts: Counts): void {
    const { script, keys, args } = call;
    const replicated = async (send: () => Promise<unknown>): Promise<unknown> => {
      const acknowledged = replication.acknowledged();
      const reply = await send();
      if (counts(reply)) await acknowledged;
      return reply;
    };
    replicated(() => this.link.evalsha(script, keys, args))
      .then(undefined, (error: unknown) => this.#anew(call, error, replicated))
      .then(
        (reply) => call.answered(reply),
        (error: unknown) => call.fail(error),
      );
  }

  /** A new server, or one whose scripts were flushed, does not know the script yet. */
  async #anew(
    { script, keys, args }: DirectCall,
    error: unknown,
    around: (send: () => Promise<unknown>) => Promise<unknown> = (send) => send(),
  ): Promise<unknown> {
    if (errorCode(error) !== 'NOSCRIPT') throw this.#fault(error);
    try {
      return await around(() => this.link.open().eval(script.lua, keys.length, ...keys, ...args));
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
