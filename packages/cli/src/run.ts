import { setTimeout as delay } from 'node:timers/promises';
import type { AcquireOptions, Lock, Locks } from '@holdfast/core';
import { chooseBackend, openLocks } from './backend.ts';
import { Child } from './child.ts';
import { EXIT, statusOfSignal, UsageError } from './exit-status.ts';
import { complain, quoted } from './output.ts';
import { onSignals, sentByTerminal } from './signals.ts';

/** A backend that does not answer the release must not keep the command's status from whoever waits for it. In ms. */
const RELEASE_PATIENCE_MS = 5000;

export interface RunOptions {
  readonly backend: string | undefined;
  /** In ms; `false`: only try; `undefined`: wait without limit. */
  readonly wait: number | false | undefined;
  /** In ms; `undefined`: the config's, else core's default. */
  readonly ttl: number | undefined;
  readonly shared: boolean;
  readonly permits: number | undefined;
  /** Between SIGTERM and SIGKILL after a loss, in ms. */
  readonly grace: number;
}

class Interrupted extends Error {
  readonly status: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}`);
    this.status = statusOfSignal(signal);
  }
}

/** Runs `command` under the lock and resolves with the exit status. */
export async function run(name: string, command: readonly string[], options: RunOptions): Promise<number> {
  const interruption = new AbortController();
  const signals = { deliver: (signal: NodeJS.Signals): void => interruption.abort(new Interrupted(signal)) };
  onSignals((signal) => signals.deliver(signal));

  const locks = await openLocks(await chooseBackend('--backend', options.backend));
  let answers = true;
  try {
    if (locks.capabilities.reach === 'process') {
      throw new UsageError(
        `The ${locks.backend} backend locks inside one process only; a command needs another, such as file: or redis:`,
      );
    }
    const lock = await obtain(locks, name, options, interruption.signal);
    if (lock === null) {
      complain(`lock ${quoted(name)} is not free`);
      return EXIT.notAcquired;
    }
    // No await from the grant to the start: a signal goes either to the wait or to the child.
    const child = new Child(command, {
      ...process.env,
      HOLDFAST_NAME: name,
      HOLDFAST_FENCING_TOKEN: String(lock.fencingToken),
    });
    signals.deliver = (signal) => {
      if (!sentByTerminal(signal)) child.signal(signal);
    };
    const status = await whileHeld(lock, child, options.grace);
    answers = await release(lock);
    return status;
  } catch (error) {
    if (error instanceof Interrupted) return error.status;
    throw error;
  } finally {
    // The process ends now, and the outcome is known: a failure to say goodbye changes nothing.
    if (answers) await locks.close().then(undefined, () => undefined);
  }
}

function obtain(locks: Locks, name: string, options: RunOptions, signal: AbortSignal): Promise<Lock | null> {
  const { wait, ttl, shared, permits } = options;
  const request: AcquireOptions = { signal, ttl, permits, ...(shared ? { mode: 'shared' } : {}) };
  return wait === false ? locks.tryAcquire(name, request) : locks.acquire(name, { ...request, timeout: wait });
}

/** The child's status, or 76 unless the lock was held to its end. */
async function whileHeld(lock: Lock, child: Child, graceMs: number): Promise<number> {
  let ending: Promise<void> | undefined;
  const onLoss = (): void => {
    complain(`lock ${quoted(lock.name)} is lost: ending the command`);
    ending = child.endTree(graceMs);
  };
  if (lock.signal.aborted) onLoss();
  else lock.signal.addEventListener('abort', onLoss, { once: true });

  const status = await child.ended;
  lock.signal.removeEventListener('abort', onLoss);
  // Asking reads the clock: had we been frozen, the command may have gone on past the ttl and ended before any timer of ours ran.
  const { held } = lock;
  if (held) return status;
  if (ending === undefined) complain(`lock ${quoted(lock.name)} was lost before the command ended`);
  await ending;
  return EXIT.lost;
}

/** Whether the backend answered. The status is the command's, whatever comes of this. */
async function release(lock: Lock): Promise<boolean> {
  const notReleased = `lock ${quoted(lock.name)} was not released and ends with its ttl`;
  try {
    const answered = await Promise.race([
      lock.release().then(() => true),
      delay(RELEASE_PATIENCE_MS, false, { ref: false }),
    ]);
    if (!answered) complain(`${notReleased}: the backend does not answer`);
    return answered;
  } catch (error) {
    complain(`${notReleased}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}
