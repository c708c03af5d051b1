import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import type { ConformanceCase } from '@holdfast/core/conformance';
import type { Trial } from '../run/trial.ts';

/** All that a report is made of. */
export interface RunReport {
  readonly startedAt: Date;
  readonly wallMs: number;
  /** `undefined`: the first source that worked. */
  readonly via: string | undefined;
  readonly atOnce: number;
  readonly machine: string;
  /** Those of the suite that were chosen. */
  readonly cases: readonly ConformanceCase[];
  readonly trials: readonly Trial[];
}

/** What a result may depend on, but nothing that tells one machine from another of its kind. */
export function thisMachine(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const load = fiveMinuteLoad().toFixed(1);
  return `Node.js ${process.versions.node}, ${type()} ${release()}, ${availableParallelism()} × ${model}, ${memory} GiB, load ${load}`;
}

/** So much that a case which measures time may fail for that alone. */
export function isOverloaded(): boolean {
  return fiveMinuteLoad() > 4 * availableParallelism();
}

/** Of the last five minutes: mostly that of the run itself, if nothing else goes on. */
function fiveMinuteLoad(): number {
  return loadavg()[1] ?? 0;
}
