import { parseArgs } from 'node:util';

export const usage =
  'npm run torture -- --backend redis,file[,URL…] [--minutes 1] [--seed TEXT] [--clients 6] [--failovers N] [--output torture-output] [--keep]';

export interface TortureOptions {
  readonly backends: readonly string[];
  /** How long the faults last on each backend, in ms. */
  readonly durationMs: number;
  readonly seed: string;
  readonly clients: number;
  /** So many failovers of the leader in a row, instead of other faults of server and network; `durationMs` does not bound them. */
  readonly failovers: number | undefined;
  readonly output: string;
  /** Keep the histories also of a run without a violation. */
  readonly keep: boolean;
  /** Print the faults and do nothing. */
  readonly plan: boolean;
}

/** Throws an `Error` with one line for people. */
export function parseTortureOptions(args: readonly string[]): TortureOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      backend: { type: 'string', default: 'memory,file,redis' },
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: 'holdfast' },
      clients: { type: 'string', default: '6' },
      failovers: { type: 'string' },
      output: { type: 'string', default: 'torture-output' },
      keep: { type: 'boolean', default: false },
      plan: { type: 'boolean', default: false },
    },
  });
  const backends = values.backend.split(',').filter((name) => name !== '');
  if (backends.length === 0) throw new Error(`Expected --backend to name at least one\n${usage}`);
  return {
    backends,
    durationMs: positive('minutes', values.minutes, 1440) * 60_000,
    seed: values.seed,
    clients: Math.floor(positive('clients', values.clients, 200)),
    failovers: values.failovers === undefined ? undefined : Math.ceil(positive('failovers', values.failovers, 10_000)),
    output: values.output,
    keep: values.keep,
    plan: values.plan,
  };
}

function positive(option: string, text: string, most: number): number {
  const number = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && number > 0 && number <= most) return number;
  throw new Error(`Expected --${option} to be a number above 0 and at most ${most}, got ${text}\n${usage}`);
}
