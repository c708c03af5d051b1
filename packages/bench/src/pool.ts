/** Connections for requests that each block one; kept for the next. */
export class Pool<T> {
  readonly #open: () => Promise<T>;
  readonly #free: T[] = [];
  readonly #all: T[] = [];

  constructor(open: () => Promise<T>) {
    this.#open = open;
  }

  async take(): Promise<T> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const opened = await this.#open();
    this.#all.push(opened);
    return opened;
  }

  give(connection: T): void {
    this.#free.push(connection);
  }

  async close(end: (connection: T) => Promise<unknown>): Promise<void> {
    await Promise.all(this.#all.map(end));
  }
}
