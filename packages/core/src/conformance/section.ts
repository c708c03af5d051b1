import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/** A critical section that shows when two are in it: a number that is read, and written some time later. */
export class Section {
  /** How many are inside. */
  inside = 0;
  /** The most that were ever inside at once. */
  most = 0;
  /** What all visits together have added; less than their number if two were inside at once. */
  sum = 0;

  async visit(maxMs = 4, minMs = 0): Promise<void> {
    this.inside += 1;
    this.most = Math.max(this.most, this.inside);
    const before = this.sum;
    await delay(minMs + randomInt(maxMs));
    this.sum = before + 1;
    this.inside -= 1;
  }
}

/** `0 … n - 1`. */
export function times<T>(n: number, make: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => make(i));
}
