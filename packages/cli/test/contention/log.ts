import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface Line {
  readonly kind: 'enter' | 'write';
  readonly token: bigint;
  readonly attempt: string;
  /** Of a write: the counter. */
  readonly value: number;
  /** Of an entry: the command and `holdfast`. */
  readonly pids: readonly number[];
  /** Of a write: whether the resource took it. */
  readonly accepted: boolean;
}

/** The log that the commands append to. Each look reads only what is new: twenty clients look at it thousands of times. */
export class Log {
  readonly path: string;
  readonly #lines: Line[] = [];
  readonly #file: number;
  #position = 0;
  #fence = 0n;

  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'a+');
  }

  lines(): readonly Line[] {
    const added = Buffer.alloc(fstatSync(this.#file).size - this.#position);
    readSync(this.#file, added, 0, added.length, this.#position);
    // Up to the end of the last whole line.
    const end = added.lastIndexOf('\n') + 1;
    this.#position += end;
    for (const text of added.toString('utf8', 0, end).split('\n').slice(0, -1)) this.#lines.push(this.#parse(text));
    return this.#lines;
  }

  of(attempt: string): readonly Line[] {
    return this.lines().filter((line) => line.attempt === attempt);
  }

  close(): void {
    closeSync(this.#file);
  }

  /** The same rule as `fold.awk`. */
  #parse(text: string): Line {
    const [kind, token = '', attempt = '', ...rest] = text.split(' ');
    if (kind !== 'enter' && kind !== 'write') throw new Error(`a torn line in the log: ${text}`);
    const entry = { token: BigInt(token), attempt };
    if (kind === 'enter' && entry.token > this.#fence) this.#fence = entry.token;
    if (kind === 'enter') return { ...entry, kind, value: 0, pids: rest.map(Number), accepted: false };
    return { ...entry, kind, value: Number(rest[0]), pids: [], accepted: entry.token >= this.#fence };
  }
}
