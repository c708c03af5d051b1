import type { Socket } from 'node:net';
import { monotonicMs } from '../clock.ts';

type Item = { readonly dueAt: number; readonly chunk: Buffer | 'close' };

/** One direction of a connection: what comes in at `from` goes out at `to`, in order, later or not at all. */
export class Pipe {
  /** Called when the end of `from` has reached the other side. */
  onClosed: () => void = () => undefined;
  readonly #to: Socket;
  readonly #queue: Item[] = [];
  #open = true;
  #delayMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(from: Socket, to: Socket) {
    this.#to = to;
    from.on('data', (chunk: Buffer) => this.#push(chunk));
  }

  set({ open, delayMs }: { readonly open: boolean; readonly delayMs: number }): void {
    this.#open = open;
    this.#delayMs = delayMs;
    this.#pump();
  }

  /** `from` was closed. The other side learns of it in its turn. */
  close(): void {
    this.#push('close');
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #push(chunk: Buffer | 'close'): void {
    if (this.#ended) return;
    this.#queue.push({ dueAt: monotonicMs() + this.#delayMs, chunk });
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (this.#open && !this.#ended) {
      const next = this.#queue[0];
      if (next === undefined) return;
      const early = next.dueAt - monotonicMs();
      if (early > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(early));
        return;
      }
      this.#queue.shift();
      if (next.chunk === 'close') this.onClosed();
      else this.#to.write(next.chunk);
    }
  }
}
