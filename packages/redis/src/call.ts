import type { Pending } from '@holdfast/core/adapter';
import type { Invocation } from './commands.ts';
import type { ScriptCommand } from './script-command.ts';
import type { Script } from './scripts/script.ts';
import type { ServerClock } from './server-clock.ts';

/** A script on its way. */
export interface Call {
  /** Rejects with `BackendUnavailableError`, also when no answer came in time: the script may then have run, or may yet. */
  readonly reply: Promise<unknown>;
  /** Of the server that has answered. */
  readonly clock: ServerClock;
  /** When nothing will come of it any more: answered, or failed for good. Never rejects. */
  readonly settled: Promise<void>;
}

/** What is to be sent, and hears of its answer. */
export interface Outgoing {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** Made before. */
  readonly command?: ScriptCommand | undefined;
  answered(reply: unknown): void;
  failed(error: unknown): void;
}

/** By whom calls are made. */
export interface CallOwner {
  readonly clock: ServerClock;
  /** What an error without an answer comes to: an answer after all, or the error for the user. */
  recover(call: DirectCall, error: unknown): Promise<unknown>;
  /** Took too long. */
  expired(): Error;
  /** Nothing will come of it any more. */
  over(call: DirectCall): void;
}

/** To one server. One object and one promise for each: most of what a lock costs the client is what it leaves for the garbage collector. */
export class DirectCall implements Call, Pending, Outgoing {
  readonly reply: Promise<unknown>;
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly command: ScriptCommand | undefined;
  readonly until: number;
  readonly #owner: CallOwner;
  #resolve: (reply: unknown) => void = ignore;
  #reject: (error: unknown) => void = ignore;
  #isOver = false;
  #settled: Promise<void> | undefined;
  #onSettled: () => void = ignore;

  /** `until`: when it takes too long, by the monotonic clock. */
  constructor(owner: CallOwner, script: Script, { keys, args }: Invocation, until: number, command?: ScriptCommand) {
    this.#owner = owner;
    this.script = script;
    this.keys = keys;
    this.args = args;
    this.command = command;
    this.until = until;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get clock(): ServerClock {
    return this.#owner.clock;
  }

  get settled(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return (this.#settled ??= new Promise((resolve) => (this.#onSettled = resolve)));
  }

  /** Nobody waits for the answer any more; what it was sent for may yet come to pass. */
  giveUp(): void {
    this.#reject(this.#owner.expired());
  }

  answered(reply: unknown): void {
    this.#resolve(reply);
    this.#over();
  }

  failed(error: unknown): void {
    this.#owner.recover(this, error).then(
      (reply) => this.answered(reply),
      (failure: unknown) => this.fail(failure),
    );
  }

  /** For good. */
  fail(error: unknown): void {
    this.#reject(error);
    this.#over();
  }

  #over(): void {
    this.#owner.over(this);
    this.#isOver = true;
    this.#onSettled();
  }
}

/** Through several, perhaps. */
export class IndirectCall implements Call {
  readonly reply: Promise<unknown>;
  readonly #work: Promise<unknown>;
  readonly #place: { readonly clock: ServerClock };

  /** `place`: where it was answered, once it is. */
  constructor(work: Promise<unknown>, reply: Promise<unknown>, place: { readonly clock: ServerClock }) {
    this.#work = work;
    this.reply = reply;
    this.#place = place;
  }

  get clock(): ServerClock {
    return this.#place.clock;
  }

  get settled(): Promise<void> {
    return this.#work.then(ignore, ignore);
  }
}

function ignore(): void {}
