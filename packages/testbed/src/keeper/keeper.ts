import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Answer, Engine, Exit, Question } from './protocol.ts';

export type { Engine, Exit } from './protocol.ts';

/** A server process that dies with this process. */
export interface KeptProcess {
  readonly pid: number;
  /** Set once it has ended. */
  readonly exit: Exit | undefined;
  signal(signal: NodeJS.Signals): Promise<void>;
  /** Sends `signal` and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

type QuestionBody = Question extends infer Q ? (Q extends Question ? Omit<Q, 'id'> : never) : never;

interface Pending {
  readonly resolve: (value: string | number | null) => void;
  readonly reject: (error: Error) => void;
}

let keeper: ChildProcess | undefined;
let lastId = 0;
const pending = new Map<number, Pending>();
let lastProcess = 0;
const exits = new Map<number, Exit>();

/** A new empty directory that goes with this process. */
export async function keepDirectory(prefix: string): Promise<string> {
  return String(await ask({ type: 'directory', prefix }));
}

export async function removeDirectory(dir: string): Promise<void> {
  await ask({ type: 'remove', dir });
}

/** To be called before the container is created: it is removed with this process. */
export async function keepContainer(name: string, engine: Engine): Promise<void> {
  await ask({ type: 'container', name, engine });
}

/** It has been removed. */
export async function forgetContainer(name: string): Promise<void> {
  await ask({ type: 'container-gone', name });
}

/** To be called before they are made: network namespaces that go with this process, and with them all interfaces in them. */
export async function keepNamespaces(names: readonly string[]): Promise<void> {
  await ask({ type: 'namespaces', names });
}

export async function removeNamespaces(names: readonly string[]): Promise<void> {
  await ask({ type: 'remove-namespaces', names });
}

export async function keepProcess(command: string, args: readonly string[], dir: string): Promise<KeptProcess> {
  const id = ++lastProcess;
  const pid = Number(await ask({ type: 'start', process: id, command, args, dir }));
  return {
    pid,
    get exit() {
      return exits.get(id);
    },
    signal: async (signal) => {
      await ask({ type: 'signal', process: id, signal });
    },
    end: async (signal) => {
      await ask({ type: 'end', process: id, signal });
    },
  };
}

function ask(body: QuestionBody): Promise<string | number | null> {
  const child = (keeper ??= forkKeeper());
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    // Only an open question keeps this process alive, not an idle keeper.
    child.channel?.ref();
    child.send({ ...body, id }, (error) => {
      if (error !== null) settle(id, (question) => question.reject(error));
    });
  });
}

function forkKeeper(): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = fork(fileURLToPath(new URL('./main.js', import.meta.url)), {
    cwd: tmpdir(),
    detached: true,
    env,
    execArgv: [],
    stdio: 'ignore',
  });
  child.on('message', (message) => receive(message as Answer));
  child.once('exit', () => {
    keeper = undefined;
    for (const id of pending.keys()) settle(id, (question) => question.reject(new Error('The keeper process ended')));
  });
  child.unref();
  return child;
}

function receive(answer: Answer): void {
  switch (answer.type) {
    case 'exited':
      exits.set(answer.process, answer.exit);
      break;
    case 'done':
      settle(answer.id, (question) => question.resolve(answer.value));
      break;
    case 'failed':
      settle(answer.id, (question) => question.reject(new Error(answer.message)));
      break;
  }
}

function settle(id: number, outcome: (question: Pending) => void): void {
  const question = pending.get(id);
  if (question === undefined) return;
  pending.delete(id);
  if (pending.size === 0) keeper?.channel?.unref();
  outcome(question);
}
