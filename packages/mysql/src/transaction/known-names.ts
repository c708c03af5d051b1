/** About a hundred bytes each. */
const MOST = 1000;

/** Names whose row has been seen lately: of all others it is likely that nobody has made it yet. */
export class KnownNames {
  readonly #names = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The one that was added first goes for it. */
  add(name: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    if (this.#names.size <= MOST) return;
    const [oldest] = this.#names;
    if (oldest !== undefined) this.#names.delete(oldest);
  }
}
