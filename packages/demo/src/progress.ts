const WIDTH = 30;

/** A bar that grows in place on a terminal, and a line per quarter elsewhere (a CI log). */
export class Progress {
  readonly #title: string;
  readonly #total: number;
  readonly #inPlace = process.stdout.isTTY;
  #done = 0;

  constructor(title: string, total: number) {
    this.#title = title;
    this.#total = total;
    this.#show('');
  }

  step(detail: string): void {
    const before = this.#quarter;
    this.#done += 1;
    if (this.#inPlace || this.#quarter > before) this.#show(detail);
    if (this.#inPlace && this.#done === this.#total) process.stdout.write('\n');
  }

  get #quarter(): number {
    return Math.floor((this.#done * 4) / this.#total);
  }

  #show(detail: string): void {
    const full = Math.round((this.#done * WIDTH) / this.#total);
    const bar = '█'.repeat(full) + '░'.repeat(WIDTH - full);
    const count = `${String(this.#done).padStart(String(this.#total).length)}/${this.#total}`;
    const line = `  ${this.#title}  ${bar}  ${count}  ${detail}`.trimEnd();
    process.stdout.write(this.#inPlace ? `\r\u001b[K${line}` : `${line}\n`);
  }
}
