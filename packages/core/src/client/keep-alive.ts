const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Keeps the process alive while something is under way: a wait that only a push from the backend ends, or a lock that is being renewed.
 * Adapters' own sockets and timers are unref'ed, so that an idle client never does.
 */
export class KeepAlive {
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  enter(): void {
    this.#count += 1;
    if (this.#count === 1) (this.#timer ??= setInterval(() => undefined, LONGEST_TIMER_MS)).ref();
  }

  leave(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#timer?.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
