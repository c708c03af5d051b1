import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
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

/** Nothing that tells one machine from another of its kind. */
export function thisMachine(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const model = cpus()[0]?.model.trim() ?? process.arch;
  return `Node.js ${process.versions.node}, ${type()} ${release()}, ${availableParallelism()} × ${model}, ${memory} GiB`;
}
