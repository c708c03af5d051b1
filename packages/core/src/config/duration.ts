import ms from 'ms';
import { inspect } from 'node:util';
import { InvalidArgumentError } from '../errors.ts';

/** Milliseconds, or a string such as `'30s'`, `'1.5m'`, `'2h'` (as the `ms` package reads it). */
export type Duration = number | string;

/** The longest delay a timer can keep, in ms: 2^31 − 1, about 24.8 days. */
export const MAX_DURATION_MS: number = 2 ** 31 - 1;

export const EXPECTED_DURATION: string = `a positive duration of at most ${MAX_DURATION_MS} ms (a number of milliseconds or a string such as '30s')`;

/**
 * In ms, more than 0 and at most {@link MAX_DURATION_MS}; throws `InvalidArgumentError` naming `field` otherwise.
 */
export function parseDuration(field: string, value: unknown, minMs = 0): number {
  const parsed = durationMs(value);
  if (parsed === undefined) {
    throw new InvalidArgumentError(`Expected \`${field}\` to be ${EXPECTED_DURATION}, got ${shown(value)}`);
  }
  if (parsed < minMs) {
    throw new InvalidArgumentError(
      `Expected \`${field}\` to be at least ${minMs} ms on this backend, got ${shown(value)}`,
    );
  }
  return parsed;
}

export function isDuration(value: unknown): value is Duration {
  return durationMs(value) !== undefined;
}

function durationMs(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? parseString(value) : value;
  return typeof parsed === 'number' && parsed > 0 && parsed <= MAX_DURATION_MS ? parsed : undefined;
}

function parseString(value: string): number | undefined {
  // `ms` throws on an empty string or one over 100 characters, and answers undefined or NaN for what it can't read.
  return value.length === 0 || value.length > 100 ? undefined : ms(value as ms.StringValue);
}

/** A value as an error message quotes it: short, with its type. */
export function shown(value: unknown): string {
  const text = inspect(value, { depth: 0, maxStringLength: 60, breakLength: Infinity });
  return `${text.length > 80 ? `${text.slice(0, 80)}…` : text} (${typeof value})`;
}
