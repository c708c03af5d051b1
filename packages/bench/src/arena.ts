import type { BackendName } from './backends.ts';
import type { Counter } from './counters/counter.ts';
import type { Processes } from './processes/processes.ts';

/** Where a scenario takes place. */
export interface Arena {
  readonly backend: BackendName;
  readonly url: string;
  /** A few short slices, to see that it works; such figures mean nothing. */
  readonly quick: boolean;
  /** `undefined`: this server does not count what it is asked. */
  readonly counter: Counter | undefined;
  readonly processes: Processes;
}
