import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Addition } from './addition-record.ts';

export interface Job {
  readonly processes: number;
  /** Of each process. */
  readonly additions: number;
  readonly file: string;
  /** Absent: without a lock. */
  readonly lock?: { readonly name: string; readonly url: string };
  readonly onAddition: (addition: Addition) => void;
}

const script = fileURLToPath(new URL('worker.js', import.meta.url));

/** The worker processes of one part of the demo. */
export class Crew {
  readonly #workers: ChildProcess[];
  readonly #done: Promise<void>[];

  constructor(job: Job) {
    this.#workers = Array.from({ length: job.processes }, (_, number) => {
      const lock = job.lock === undefined ? [] : [job.lock.name, job.lock.url];
      const args = [script, String(number), String(job.additions), job.file, ...lock];
      return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    });
    this.#done = this.#workers.map((worker) => finished(worker, job.onAddition));
  }

  /** Rejects when one of them fails, once all have ended. */
  async finish(): Promise<void> {
    try {
      await Promise.all(this.#done);
    } finally {
      await this.stop();
    }
  }

  /** Ends them and what they started. Safe to call twice. */
  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill('SIGTERM');
    await Promise.allSettled(this.#done);
  }
}

async function finished(worker: ChildProcess, onAddition: (addition: Addition) => void): Promise<void> {
  const status = new Promise<string>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('close', (code, signal) => resolve(code === null ? String(signal) : `status ${code}`));
  });
  if (worker.stdout !== null) {
    for await (const line of createInterface(worker.stdout)) onAddition(JSON.parse(line) as Addition);
  }
  const ended = await status;
  if (ended !== 'status 0') throw new Error(`a worker ended with ${ended}`);
}
