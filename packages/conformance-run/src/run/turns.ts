import { availableParallelism } from 'node:os';

/** How much of the free memory may be used: the rest is for the page cache, and for what others start meanwhile. */
const SHARE = 0.7;
const MIB = 1024 * 1024;

/**
 * Most cases sleep most of the time, until a ttl is over, so two fit on two cores. With more, a process that must renew
 * its lock comes too late now and then; see the measurement in decision 061.
 */
export function defaultAtOnce(): number {
  return Math.max(2, availableParallelism() - 1);
}

/** What the suites may take of this machine's memory together, or of what its container may use, in MiB. */
export function memoryBudget(): number {
  return Math.floor((process.availableMemory() * SHARE) / MIB);
}

/** Who may run now: at most `atOnce` at a time, whose footprints fit the budget. In the order in which they asked. */
export class Turns {
  readonly #atOnce: number;
  readonly #budgetMiB: number;
  readonly #waiting: { readonly footprintMiB: number; readonly start: () => void }[] = [];
  #running = 0;
  #usedMiB = 0;

  constructor(atOnce: number, budgetMiB: number) {
    this.#atOnce = atOnce;
    this.#budgetMiB = budgetMiB;
  }

  async run<T>(footprintMiB: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.#waiting.push({ footprintMiB, start });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#usedMiB -= footprintMiB;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.footprintMiB); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#running += 1;
      this.#usedMiB += next.footprintMiB;
      next.start();
    }
  }

  /** What is larger than the budget runs alone, instead of never. */
  #fits(footprintMiB: number): boolean {
    if (this.#running === 0) return true;
    return this.#running < this.#atOnce && this.#usedMiB + footprintMiB <= this.#budgetMiB;
  }
}
