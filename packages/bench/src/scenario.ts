import type { Arena } from './arena.ts';
import type { Contender } from './contender.ts';
import type { Entrant } from './interleave.ts';

/** Something to measure, for one backend. The first contender that takes part is what all others are ratios to. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  /** Of a figure. */
  readonly unit: string;
  readonly better: 'less' | 'more';
  /** Most that are worth their time, where a slice takes long. */
  readonly rounds?: number;
  /** Most that a slice may take, in ms; default: 3 minutes. */
  readonly limitMs?: number;
  /** Something that no contender is, but that all are ratios to. */
  readonly base?: (arena: Arena) => Entrant | undefined;
  /** Who takes part, each ready to be measured. `undefined`: it has no part in this. */
  enter(contender: Contender, arena: Arena): Promise<Entrant | undefined>;
}

let names = 0;

/** One that nobody has used. */
export function freshName(): string {
  names += 1;
  return `bench-${process.pid}-${names}`;
}
