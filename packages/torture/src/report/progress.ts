import type { FromClient } from '../client/spec.ts';
import { describeFault } from '../nemesis/schedule.ts';
import type { Fault } from '../nemesis/schedule.ts';

const EVERY_MS = 5000;

/** What people see while a run lasts: one line every few seconds, or one that is written over on a terminal. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #backend: string;
  readonly #startedAt = performance.now();
  #writtenAt = 0;
  #faults = 0;
  #last = '';

  constructor(out: NodeJS.WriteStream, backend: string) {
    this.#out = out;
    this.#backend = backend;
  }

  fault(fault: Fault): void {
    this.#faults += 1;
    this.#last = describeFault(fault);
  }

  counts({ operations, grants, losses }: FromClient): void {
    const now = performance.now();
    if (!this.#out.isTTY && now - this.#writtenAt < EVERY_MS) return;
    this.#writtenAt = now;
    const seconds = Math.round((now - this.#startedAt) / 1000);
    const line = `${this.#backend} ${seconds} s: ${operations} operations, ${grants} grants, ${losses} losses, ${this.#faults} faults; ${this.#last}`;
    this.#out.write(this.#out.isTTY ? `\r\u001B[2K${line.slice(0, this.#out.columns - 1)}` : `${line}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001B[2K');
  }
}
