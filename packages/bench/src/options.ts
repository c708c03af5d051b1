import { parseArgs } from 'node:util';
import { backendNames } from './backends.ts';
import type { BackendName } from './backends.ts';
import { scenarios } from './scenarios/index.ts';
import type { Scenario } from './scenario.ts';

export const usage =
  'npm run bench -- [--backend redis,memory,…] [--scenario latency,throughput-16,…] [--contender holdfast,redlock,…] [--rounds 15] [--seed 1] [--quick] [--shared] [--output bench-output]';

export interface BenchOptions {
  readonly backends: readonly BackendName[];
  readonly scenarios: readonly Scenario[];
  /** Without their versions; `undefined`: all. */
  readonly contenders: readonly string[] | undefined;
  /** Slices of each contender that count. */
  readonly rounds: number;
  readonly seed: number;
  /** One short slice each, to see that it works. */
  readonly quick: boolean;
  /** Uses a server that is there: that of the test run, or of `HOLDFAST_TEST_<SERVER>_URL`. */
  readonly shared: boolean;
  readonly output: string;
}

/** Throws an `Error` with one line for people. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      backend: { type: 'string', default: backendNames.join(',') },
      scenario: { type: 'string', default: scenarios.map(({ id }) => id).join(',') },
      contender: { type: 'string' },
      rounds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      shared: { type: 'boolean', default: false },
      output: { type: 'string', default: 'bench-output' },
    },
  });
  return {
    backends: chosen('backend', values.backend, backendNames, (name) => name),
    scenarios: chosen('scenario', values.scenario, scenarios, ({ id }) => id),
    contenders: values.contender?.split(','),
    rounds: whole('rounds', values.rounds ?? (values.quick ? '1' : '15')),
    seed: whole('seed', values.seed),
    quick: values.quick,
    shared: values.shared,
    output: values.output,
  };
}

function chosen<T>(option: string, list: string, all: readonly T[], idOf: (one: T) => string): T[] {
  return list.split(',').map((id) => {
    const found = all.find((one) => idOf(one) === id);
    if (found !== undefined) return found;
    throw new Error(`Expected --${option} to be out of ${all.map(idOf).join(', ')}; got ${id}\n${usage}`);
  });
}

function whole(option: string, text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0) return number;
  throw new Error(`Expected --${option} to be a whole number above 0, got ${text}\n${usage}`);
}
