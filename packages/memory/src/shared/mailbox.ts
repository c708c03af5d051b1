import { mailIndex } from './layout.ts';
import type { Layout } from './layout.ts';

/** Tells the backend at `place` that something changed for it in `bucket`. */
export function post(layout: Layout, place: number, bucket: number): void {
  Atomics.or(layout.places, mailIndex(place), 1 << bucket);
  Atomics.notify(layout.places, mailIndex(place));
}

/** Receives what is posted to a place, without keeping the thread alive. */
export class Mailbox {
  readonly #layout: Layout;
  readonly #index: number;
  readonly #receive: (bucket: number) => void;
  #closed = false;

  /** `receive` must not throw. */
  constructor(layout: Layout, place: number, receive: (bucket: number) => void) {
    this.#layout = layout;
    this.#index = mailIndex(place);
    this.#receive = receive;
    void this.#listen();
  }

  close(): void {
    this.#closed = true;
    Atomics.notify(this.#layout.places, this.#index);
  }

  async #listen(): Promise<void> {
    while (!this.#closed) {
      // Returns at once if mail came since the last look.
      const waiting = Atomics.waitAsync(this.#layout.places, this.#index, 0);
      if (waiting.async) await waiting.value;
      // The place may be somebody else's by now.
      if (this.#closed) return;
      const mail = Atomics.exchange(this.#layout.places, this.#index, 0);
      for (let bucket = 0; bucket < 32; bucket += 1) if ((mail & (1 << bucket)) !== 0) this.#receive(bucket);
    }
  }
}
