import { setTimeout as sleep } from 'node:timers/promises';
import type { AcquireOptions, Lock, Locks } from '@holdfast/core';
import type { Registers } from '../register/registers.ts';
import { Aborted } from './attempted.ts';
import type { Attempted } from './attempted.ts';
import type { Record } from './record.ts';
import type { Step } from './plan.ts';

export interface LaneContext {
  readonly record: Record;
  readonly registers: Registers;
}

/** Carries out one step, and writes down all of it. */
export async function perform(step: Step, locks: Locks, context: LaneContext): Promise<void> {
  const attempt = context.record.invoke(step);
  const abort = new AbortController();
  const timer =
    step.abortAfterMs === undefined
      ? undefined
      : setTimeout(() => {
          attempt.quit();
          abort.abort(new Aborted('The client changed its mind'));
        }, step.abortAfterMs);
  const work = new Work(step, attempt, context);
  try {
    await obtain(step, locks, abort.signal, work, timer);
  } catch (error) {
    // Once granted, the failure is the callback's, a loss or the release's; each is written down where it comes about.
    if (!work.granted) attempt.failed(error);
    else if (work.failure !== undefined) throw work.failure.error;
  } finally {
    clearTimeout(timer);
  }
}

async function obtain(
  step: Step,
  locks: Locks,
  signal: AbortSignal,
  work: Work,
  timer: NodeJS.Timeout | undefined,
): Promise<void> {
  const { name, verb } = step;
  const options = { ...optionsOf(step), signal };
  if (verb === 'request') {
    const waits = step.timeoutMs === undefined ? options : { ...options, timeout: step.timeoutMs };
    await locks.request(name, waits, async (lock) => {
      clearTimeout(timer);
      await work.run(lock);
      work.ending(lock);
    });
    return;
  }
  const lock =
    verb === 'acquire'
      ? await locks.acquire(name, step.timeoutMs === undefined ? options : { ...options, timeout: step.timeoutMs })
      : await locks.tryAcquire(name, options);
  clearTimeout(timer);
  if (lock === null) work.refused();
  else await work.runAndRelease(lock);
}

function optionsOf({ mode, permits, ttlMs, steal, renews }: Step): AcquireOptions {
  return { ttl: ttlMs, steal, renew: renews, ...(permits === undefined ? { mode: mode as 'exclusive' } : { permits }) };
}

/** What is done under the lock. It goes on after a loss, as programs do that never look at the signal. */
class Work {
  granted = false;
  /** Of the registers, not of the locks: the run is worth nothing then. */
  failure: { readonly error: unknown } | undefined;
  readonly #step: Step;
  readonly #attempt: Attempted;
  readonly #registers: Registers;

  constructor(step: Step, attempt: Attempted, { registers }: LaneContext) {
    this.#step = step;
    this.#attempt = attempt;
    this.#registers = registers;
  }

  async run(lock: Lock): Promise<void> {
    this.granted = true;
    this.#attempt.granted(lock);
    if (this.#step.mode !== 'exclusive') return this.#stay(lock);
    try {
      await this.#readAndWrite(lock);
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  async runAndRelease(lock: Lock): Promise<void> {
    await this.run(lock);
    this.ending(lock);
    try {
      await lock.release();
      this.#attempt.released();
    } catch (error) {
      this.#attempt.released(error);
    }
  }

  ending(lock: Lock): void {
    this.#attempt.ending(lock);
  }

  refused(): void {
    this.#attempt.refused();
  }

  async #readAndWrite(lock: Lock): Promise<void> {
    const who = { name: lock.name, op: this.#attempt.op, token: lock.fencingToken };
    const read = {
      fenced: await this.#registers.read('fenced', who),
      unfenced: await this.#registers.read('unfenced', who),
    };
    for (const register of ['fenced', 'unfenced'] as const) this.#attempt.touched(register, 'read', read[register]);
    await this.#stay(lock);
    for (const register of ['fenced', 'unfenced'] as const) {
      const { value } = read[register];
      this.#attempt.touched(register, 'write', await this.#registers.write(register, who, value, value + 1));
    }
  }

  async #stay(lock: Lock): Promise<void> {
    const { holdMs, renewsByHand } = this.#step;
    if (!renewsByHand) return await sleep(holdMs);
    await sleep(holdMs / 2);
    // It fails when the lock is lost, which the signal has told, or when the backend can't be asked.
    await lock.renew().then(undefined, () => undefined);
    await sleep(holdMs / 2);
  }
}
