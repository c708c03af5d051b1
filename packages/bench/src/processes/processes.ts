import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Input, Order, Output, Task } from './tasks.ts';

const main = fileURLToPath(new URL('main.js', import.meta.url));

interface Asked {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Another process, with clients of its own. */
export class Process {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, Asked>();
  #orders = 0;

  constructor() {
    this.#child = fork(main, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: Answer) => this.#answered(answer));
    this.#child.on('error', (error) => this.#over(error));
    this.#child.on('exit', () => this.#over(new Error('The process has ended')));
  }

  ask<T extends Task>(task: T, input: Input<T>): Promise<Output<T>> {
    this.#orders += 1;
    const order: Order = { id: this.#orders, task, input };
    return new Promise((resolve, reject) => {
      this.#asked.set(order.id, { resolve: resolve as (output: unknown) => void, reject });
      this.#child.send(order, (error) => {
        if (error === null) return;
        this.#asked.delete(order.id);
        reject(error);
      });
    });
  }

  /** At once (SIGKILL); resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #answered(answer: Answer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if ('failed' in answer) asked?.reject(new Error(answer.failed));
    else asked?.resolve(answer.output);
  }

  #over(error: Error): void {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}

/** Processes that all contenders share: those who do not take part in a slice have but idle connections there. */
export class Processes implements AsyncDisposable {
  readonly #shared: Process[] = [];
  readonly #own = new Set<Process>();

  /** The first so many. */
  take(count: number): readonly Process[] {
    while (this.#shared.length < count) this.#shared.push(new Process());
    return this.#shared.slice(0, count);
  }

  /** One that may be killed. */
  start(): Process {
    const started = new Process();
    this.#own.add(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#shared, ...this.#own].map((process) => process.kill()));
  }
}
