import { parseDuration } from '@holdfast/core/adapter';
import { UsageError } from './exit-status.ts';

/** In ms. A bare number is refused: it would mean milliseconds here and seconds to everybody else. */
export function durationOption(flag: string, value: string): number {
  if (/^[\d.]+$/.test(value.trim()))
    throw new UsageError(`Expected \`${flag}\` to have a unit, such as ${value.trim()}s, got ${value}`);
  return parseDuration(flag, value);
}

export function permitsOption(value: string): number {
  const permits = Number(value);
  if (/^\d+$/.test(value) && permits >= 1 && Number.isSafeInteger(permits)) return permits;
  throw new UsageError(`Expected \`--permits\` to be a whole number of at least 1, got ${JSON.stringify(value)}`);
}

/** Splits at the first `--`: our own arguments, and the command that is none of our business. */
export function splitCommand(argv: readonly string[]): { own: string[]; command: string[] | undefined } {
  const at = argv.indexOf('--');
  return at === -1 ? { own: [...argv], command: undefined } : { own: argv.slice(0, at), command: argv.slice(at + 1) };
}
