import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where distributions put libfaketime, in its form for programs with threads. */
const LIBRARIES = [
  ...['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`),
  '/usr/lib64/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
];

/** Wall clocks of processes that can be stepped, each by a file; the monotonic clock stays what it is. */
export class FakeClock {
  readonly #library: string;
  readonly #directory: string;

  private constructor(library: string, directory: string) {
    this.#library = library;
    this.#directory = directory;
  }

  /** `undefined` where libfaketime is not installed. */
  static find(directory: string): FakeClock | undefined {
    const library = LIBRARIES.find((path) => existsSync(path));
    return library === undefined ? undefined : new FakeClock(library, directory);
  }

  /** Of a process known as `who`, whose clock has been stepped before, by 0 perhaps. */
  environment(who: string): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#path(who),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** From what it is really. */
  async step(who: string, ms: number): Promise<void> {
    await writeFile(this.#path(who), `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}\n`);
  }

  #path(who: string): string {
    return join(this.#directory, `${who}.clock`);
  }
}
