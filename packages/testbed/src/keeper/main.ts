/**
 * The keeper: a process that owns the servers and directories of the process that forked it.
 *
 * It starts them itself, so there is no moment at which one exists that it does not know of; and only a parent can tell
 * its child from a later process with the same pid. When the channel to its own parent closes, for whatever reason
 * (exit, Ctrl-C, SIGKILL), it kills and deletes all it has, and ends. It runs in a session of its own, so the terminal's
 * Ctrl-C does not reach it or the servers.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeContainer } from './container.ts';
import { signalFamily, signalGroup } from './family.ts';
import type { Answer, Engine, Question } from './protocol.ts';

const OUTPUT_CHARACTERS = 4000;

const processes = new Map<number, ChildProcess>();
const directories = new Set<string>();
const containers = new Map<string, Engine>();
const namespaces = new Set<string>();

process.on('message', (question: Question) => {
  try {
    handle(question);
  } catch (error) {
    answer({ id: question.id, type: 'failed', message: String(error) });
  }
});
process.on('disconnect', () => void leave());
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => void leave());

function handle(question: Question): void {
  const { id } = question;
  switch (question.type) {
    case 'directory': {
      const dir = mkdtempSync(join(tmpdir(), question.prefix));
      directories.add(dir);
      answer({ id, type: 'done', value: dir });
      break;
    }
    case 'start':
      start(question);
      break;
    case 'signal':
      signal(question.process, question.signal);
      answer({ id, type: 'done', value: null });
      break;
    case 'end':
      void end(question.process, question.signal).then(() => answer({ id, type: 'done', value: null }));
      break;
    case 'remove':
      remove(question.dir);
      answer({ id, type: 'done', value: null });
      break;
    case 'container':
      containers.set(question.name, question.engine);
      answer({ id, type: 'done', value: null });
      break;
    case 'container-gone':
      containers.delete(question.name);
      answer({ id, type: 'done', value: null });
      break;
    case 'namespaces':
      for (const name of question.names) namespaces.add(name);
      answer({ id, type: 'done', value: null });
      break;
    case 'remove-namespaces':
      removeNamespaces(question.names);
      answer({ id, type: 'done', value: null });
      break;
  }
}

function start(question: Question & { type: 'start' }): void {
  // A process group of its own: what the server forks is signalled with it.
  const child = spawn(question.command, question.args, {
    cwd: question.dir,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) {
    child.on('error', (error) => answer({ id: question.id, type: 'failed', message: error.message }));
    return;
  }
  processes.set(question.process, child);
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.on('exit', () => signalGroup(pid, 'SIGKILL'));
  child.on('close', (code, signal) => {
    processes.delete(question.process);
    answer({ type: 'exited', process: question.process, exit: { code, signal, output } });
  });
  answer({ id: question.id, type: 'done', value: pid });
}

function remove(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  directories.delete(dir);
}

/** One that was never made is not there to be removed either. */
function removeNamespaces(names: Iterable<string>): void {
  for (const name of names) {
    spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
    namespaces.delete(name);
  }
}

function signal(id: number, name: NodeJS.Signals): void {
  const pid = processes.get(id)?.pid;
  if (pid === undefined) return;
  // Any other signal is the server's own business, and what it makes of it.
  if (name === 'SIGKILL' || name === 'SIGSTOP' || name === 'SIGCONT') signalFamily(pid, name);
  else signalGroup(pid, name);
}

async function end(id: number, name: NodeJS.Signals): Promise<void> {
  const child = processes.get(id);
  if (child === undefined) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  signal(id, name);
  await closed;
}

async function leave(): Promise<void> {
  const ends = [...processes.keys()].map((id) => end(id, 'SIGKILL'));
  const removals = Array.from(containers, ([name, engine]) => removeContainer(engine, name));
  await Promise.all([...ends, ...removals]);
  removeNamespaces(namespaces);
  for (const dir of directories) remove(dir);
  process.exit();
}

function answer(message: Answer): void {
  // The parent may go at any moment; that is what `disconnect` is for.
  if (process.connected) process.send?.(message, () => undefined);
}
