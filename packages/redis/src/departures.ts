import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { ReleaseResult } from '@holdfast/core/adapter';
import type { Invocation } from './commands.ts';
import type { Claim } from './holds.ts';
import type { ScriptCommand } from './script-command.ts';
import type { Script } from './scripts/script.ts';
import type { Runner } from './servers.ts';

/** A release that is to be sent. */
export interface Departure extends Pick<Claim, 'keys' | 'entry' | 'ttlMs'> {
  /** Made before. Can be sent once. */
  readonly command?: ScriptCommand | undefined;
}

interface Debt extends Invocation {
  /** When the server drops it by itself, by the monotonic clock. */
  readonly until: number;
}

/** In ms, while the connection is up and the server yet does not answer. */
const RETRY_MS = 1000;

/** How long `close` waits for a server that does not answer, in ms: `timeout` may be much longer. What it was not told ends with its ttl. */
const CLOSE_MS = 2000;

/** What the server must forget. What it could not be told is owed until it can, or until its ttl is over. */
export class Departures {
  readonly #runner: Runner;
  readonly #release: Script;
  readonly #owed = new Map<string, Debt>();
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  /** `release`: the script. */
  constructor(runner: Runner, release: Script) {
    this.#runner = runner;
    this.#release = release;
  }

  /** For the release of what has just been granted: while its holder works, nobody waits for this. */
  prepare({ keys, entry, ttlMs }: Claim): Departure {
    return { keys, entry, ttlMs, command: this.#runner.make?.(this.#release, { keys, args: [entry] }) };
  }

  /** Rejects with `BackendUnavailableError`, and goes on trying. */
  release({ keys, entry, ttlMs, command }: Departure): Promise<ReleaseResult> {
    const invocation: Invocation = { keys, args: [entry] };
    return this.#runner.run(this.#release, invocation, command).then(
      (reply) => (Number(reply) === 1 ? 'released' : 'not-held'),
      (error: unknown) => {
        this.#owed.set(entry, { ...invocation, until: monotonicMs() + ttlMs });
        this.#retryLater();
        throw error;
      },
    );
  }

  /** Takes out a request that was given up, whatever has become of it, once all that was `sent` for it has settled. Never rejects. */
  leave(claim: Claim, sent: Promise<unknown>): Promise<void> {
    const left: Promise<void> = sent
      .then(() => this.release(claim))
      .then(ignore, ignore)
      .finally(() => this.#underWay.delete(left));
    this.#underWay.add(left);
    return left;
  }

  /** Waits for what is under way, and tries once more what is owed. */
  async close(): Promise<void> {
    const told = Promise.all(this.#underWay).then(() => this.pay());
    await Promise.race([told, delay(CLOSE_MS, undefined, { ref: false })]);
    clearTimeout(this.#timer);
    this.#owed.clear();
  }

  /** Tries once more what is owed: a connection is up. Never rejects. */
  async pay(): Promise<void> {
    clearTimeout(this.#timer);
    const now = monotonicMs();
    for (const [entry, { until }] of this.#owed) if (until <= now) this.#owed.delete(entry);
    const debts = [...this.#owed];
    const results = await this.#runner.runAll(
      this.#release,
      debts.map(([, debt]) => debt),
    );
    debts.forEach(([entry], i) => {
      if (!(results[i] instanceof Error)) this.#owed.delete(entry);
    });
    if (this.#owed.size > 0) this.#retryLater();
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.pay(), RETRY_MS).unref();
  }
}

function ignore(): void {}
