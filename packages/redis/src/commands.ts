import { errorCode, isTransient, timedOut } from './errors.ts';
import type { Link } from './link.ts';
import type { Script } from './scripts/script.ts';

/** A script on its way. */
export interface Call {
  /** Rejects with `BackendUnavailableError`, also when no answer came in time: the script may then have run, or may yet. */
  readonly reply: Promise<unknown>;
  /** When nothing will come of it any more: answered, or failed for good. Never rejects. */
  readonly settled: Promise<void>;
}

export interface Invocation {
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** So many scripts go in one write; the server serves other clients in between. */
const CHUNK = 250;

/** Runs scripts over one connection, in the order in which they are asked for. */
export class Commands {
  readonly link: Link;
  readonly #timeoutMs: number;

  constructor(link: Link, timeoutMs: number) {
    this.link = link;
    this.#timeoutMs = timeoutMs;
  }

  start(script: Script, { keys, args }: Invocation): Call {
    const work = this.#run(script, keys, args);
    return { reply: this.bounded(work), settled: work.then(ignore, ignore) };
  }

  /** Asks once more when the connection failed; only for what may be repeated. */
  async run(script: Script, invocation: Invocation): Promise<unknown> {
    try {
      return await this.start(script, invocation).reply;
    } catch (error) {
      if (!isTransient(error)) throw error;
      return await this.start(script, invocation).reply;
    }
  }

  /** One script for many keys: one round trip for each {@link CHUNK}. One result or error each, in order. */
  async runAll(script: Script, invocations: readonly Invocation[]): Promise<unknown[]> {
    const results: unknown[] = [];
    for (let at = 0; at < invocations.length; at += CHUNK) {
      results.push(...(await this.#pipeline(script, invocations.slice(at, at + CHUNK))));
    }
    return results;
  }

  /** `work`, but no longer than a command may take. */
  bounded<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(timedOut(this.link.server, this.#timeoutMs)), this.#timeoutMs);
      timer.unref();
      work.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }

  async #run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const client = this.link.open();
    try {
      return await client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (errorCode(error) !== 'NOSCRIPT') throw this.link.fault(error);
    }
    try {
      // A new server, or one whose scripts were flushed; from now on it knows this one.
      return await client.eval(script.lua, keys.length, ...keys, ...args);
    } catch (error) {
      throw this.link.fault(error);
    }
  }

  async #pipeline(script: Script, invocations: readonly Invocation[]): Promise<unknown[]> {
    const lines = invocations.map(({ keys, args }) => ['evalsha', script.sha, keys.length, ...keys, ...args]);
    let replies: [error: Error | null, result: unknown][] | null;
    try {
      replies = await this.bounded(this.link.open().pipeline(lines).exec());
    } catch (error) {
      return invocations.map(() => error);
    }
    return await Promise.all(
      invocations.map(({ keys, args }, i) => {
        const [error, result] = replies?.[i] ?? [new Error('The pipeline was not executed'), undefined];
        if (error === null) return result;
        if (errorCode(error) !== 'NOSCRIPT') return this.link.fault(error);
        return this.start(script, { keys, args }).reply.then(undefined, (failure: unknown) => failure);
      }),
    );
  }
}

function ignore(): void {}
