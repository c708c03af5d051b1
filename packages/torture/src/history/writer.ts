import { closeSync, openSync, writeSync } from 'node:fs';
import type { HistoryEvent } from './events.ts';

/** Appends events to a file of its own; an event is in the file when `write` returns. */
export class HistoryWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(event: HistoryEvent): void {
    // One write for the line: what a SIGKILL leaves ends with a whole event.
    writeSync(this.#file, `${JSON.stringify(event)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
