import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { hostMs } from './peer/protocol.ts';

/** `work`, which must settle within so many ms. */
export async function within<T>(ms: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what}: not within ${Math.round(ms)} ms` })),
      ms,
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** `work` must not settle for so many ms. */
export async function staysPending(ms: number, work: Promise<unknown>, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<'pending'>((resolve) => {
    timer = setTimeout(() => resolve('pending'), ms);
  });
  const outcome = await Promise.race([
    patience,
    work.then(
      () => 'fulfilled',
      (error: unknown) => `rejected with ${inspect(error)}`,
    ),
  ]);
  clearTimeout(timer);
  assert.equal(outcome, 'pending', `${what}: expected to wait, but it was ${outcome}`);
}

/** `work` must reject with a Holdfast error of this code. Resolves with the error. */
export async function rejectsWith(
  code: string,
  work: Promise<unknown>,
  what: string,
): Promise<Error & { code: string }> {
  const error: unknown = await work.then(
    (value) =>
      assert.fail(
        `${what}: expected an error with code ${code}, but it was fulfilled with ${inspect(value, { depth: 0 })}`,
      ),
    (reason: unknown) => reason,
  );
  if (error instanceof assert.AssertionError) throw error;
  assert.equal(
    (error as { code?: unknown }).code,
    code,
    `${what}: expected an error with code ${code}, got ${inspect(error)}`,
  );
  return error as Error & { code: string };
}

/** `work` must reject with this very value. */
export async function rejectsWithReason(reason: unknown, work: Promise<unknown>, what: string): Promise<void> {
  const outcome = await work.then(
    () => ({ fulfilled: true as const }),
    (error: unknown) => ({ fulfilled: false as const, error }),
  );
  if (outcome.fulfilled) assert.fail(`${what}: expected to be rejected, but it was fulfilled`);
  assert.equal(outcome.error, reason, `${what}: expected to be rejected with the signal's own reason`);
}

/** Waits until `probe` gives something other than `undefined`; so many ms at most. */
export async function eventually<T>(
  ms: number,
  probe: () => Promise<T | undefined> | T | undefined,
  what: string,
): Promise<T> {
  const until = hostMs() + ms;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (hostMs() >= until) throw new assert.AssertionError({ message: `${what}: not within ${Math.round(ms)} ms` });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Strictly increasing, in the order given. */
export function increasing(tokens: readonly bigint[], what: string): void {
  for (let i = 1; i < tokens.length; i += 1) {
    const [before, after] = [tokens[i - 1] as bigint, tokens[i] as bigint];
    assert.ok(after > before, `${what}: token ${after} was granted after ${before}; all: ${tokens.join(' ')}`);
  }
}

/** For work that a case looks at later: if the case fails before that, its clean-up ends the work, and nobody listens. */
export function later<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}
