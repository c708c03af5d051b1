import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT, statusOfSignal } from './exit-status.ts';
import { complain } from './output.ts';
import { descendantsOf, listProcesses, survivors } from './process-tree.ts';
import type { ProcessIdentity } from './process-tree.ts';

/** How often the end of processes that are not our own children is looked for, in ms. */
const LOOK_MS = 50;
/** Rounds of SIGKILL, against processes that start others as fast as they die. */
const KILL_ROUNDS = 20;

/**
 * The command. It stays in our process group and keeps our stdin, stdout and stderr: a terminal stays its terminal, and
 * whoever kills our group (a CI runner, `timeout`) kills it too.
 */
export class Child {
  /** Its exit status as a shell reports it: 128 + n for signal n, 127 not found, 126 not executable. */
  readonly ended: Promise<number>;
  readonly #process: ChildProcess | undefined;

  /** One that can't be started ends at once, with the reason on stderr. */
  constructor(command: readonly string[], env: NodeJS.ProcessEnv) {
    const [file = '', ...args] = command;
    try {
      this.#process = spawn(file, args, { stdio: 'inherit', env });
    } catch (error) {
      // Node throws some of the reasons (E2BIG, ENOMEM) and emits the others.
      this.ended = Promise.resolve(notStarted(file, error as NodeJS.ErrnoException));
      return;
    }
    this.ended = endOf(file, this.#process);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /**
   * SIGTERM to the command and to all that it started, and SIGKILL to those that are left `graceMs` later. A wrapper such as
   * `sh -c` must not leave the worker behind that the lock was for. Resolves when they are gone.
   */
  async endTree(graceMs: number): Promise<void> {
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    const known = descendantsOf([pid], listProcesses());
    this.#terminate(known);
    const until = performance.now() + graceMs;
    while (performance.now() < until) {
      if (this.#exited && survivors(known, listProcesses()).length === 0) return;
      await delay(Math.min(LOOK_MS, until - performance.now()));
    }
    await this.#killTree(pid, known);
  }

  #terminate(descendants: readonly ProcessIdentity[]): void {
    this.signal('SIGTERM');
    for (const { pid } of descendants) send(pid, 'SIGTERM');
    // A stopped one sees SIGTERM only when it goes on, as with timeout(1).
    this.signal('SIGCONT');
    for (const { pid } of descendants) send(pid, 'SIGCONT');
  }

  async #killTree(pid: number, known: readonly ProcessIdentity[]): Promise<void> {
    let left = known;
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      const processes = listProcesses();
      const alive = survivors(left, processes);
      // What they started since; by the living ones alone, since the pid of a dead one may be another's by now.
      const roots = [...(this.#exited ? [] : [pid]), ...alive.map((entry) => entry.pid)];
      left = survivors([...alive, ...descendantsOf(roots, processes)], processes);
      if (left.length === 0 && this.#exited) return;
      this.signal('SIGKILL');
      for (const entry of left) send(entry.pid, 'SIGKILL');
      await delay(LOOK_MS);
    }
  }

  get #exited(): boolean {
    return this.#process?.exitCode !== null || this.#process.signalCode !== null;
  }
}

function endOf(file: string, child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 0) : statusOfSignal(signal)));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve(notStarted(file, error));
      // It runs as somebody else, as below sudo.
      else complain(`cannot signal the command: ${error.message}`);
    });
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH') complain(`cannot signal process ${pid}: ${message}`);
  }
}

function notStarted(file: string, error: NodeJS.ErrnoException): number {
  if (error.code === 'ENOENT') {
    complain(`command not found: ${file}`);
    return EXIT.notFound;
  }
  complain(`cannot execute ${file}: ${error.code === 'EACCES' ? 'permission denied' : error.message}`);
  return EXIT.cannotExecute;
}
