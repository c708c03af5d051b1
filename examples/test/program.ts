import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';

/** Tests that run at the same time each have their own. */
export type Scope = Pick<TestContext, 'onTestFinished'>;

/** One of the examples, as a process of its own; killed when the test is over. */
export class Program {
  readonly lines: string[] = [];
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #listeners = new Set<() => void>();

  constructor(
    scope: Scope,
    name: string,
    { args = [], env, cwd }: { args?: readonly string[]; env: Readonly<Record<string, string>>; cwd: string },
  ) {
    const script = fileURLToPath(new URL(`../dist/${name}.js`, import.meta.url));
    this.#child = spawn(process.execPath, [script, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface(stream).on('line', (line) => {
        this.lines.push(line);
        for (const listener of this.#listeners) listener();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => resolve(code ?? signal ?? 1));
    });
    scope.onTestFinished(() => this.kill('SIGKILL').then(() => undefined));
  }

  /** Its first line that matches; rejects when it ends without one. */
  async line(pattern: RegExp): Promise<string> {
    let listener: (() => void) | undefined;
    const seen = new Promise<string>((resolve) => {
      listener = () => {
        const line = this.lines.find((candidate) => pattern.test(candidate));
        if (line !== undefined) resolve(line);
      };
      this.#listeners.add(listener);
      listener();
    });
    const never = this.ended.then((status) => {
      throw new Error(`ended with ${status}, and printed nothing like ${pattern}:\n${this.lines.join('\n')}`);
    });
    try {
      return await Promise.race([seen, never]);
    } finally {
      if (listener !== undefined) this.#listeners.delete(listener);
    }
  }

  /** Resolves with the next line that it prints. */
  next(): Promise<string> {
    return new Promise((resolve) => {
      const listener = (): void => {
        this.#listeners.delete(listener);
        resolve(this.lines.at(-1) ?? '');
      };
      this.#listeners.add(listener);
    });
  }

  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.#child.kill(signal);
    return this.ended;
  }
}

export async function scratch(scope: Scope): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-examples-'));
  scope.onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
