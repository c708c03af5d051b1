import { setImmediate as nextTurn } from 'node:timers/promises';

/** Counts what was begun and is not settled yet, for `close` to wait for. */
export class UnderWay {
  #count = 0;
  #onNone: (() => void) | undefined;

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onNone?.();
  }

  /** Resolves when nothing is under way, and nothing that what was has brought about. */
  async settled(): Promise<void> {
    do {
      if (this.#count > 0) await new Promise<void>((resolve) => (this.#onNone = resolve));
      // A grant that came too late is given back a few microtasks after its request was settled.
      await nextTurn();
    } while (this.#count > 0);
  }
}
