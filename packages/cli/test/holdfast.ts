import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const bin: string = fileURLToPath(new URL('../bin/holdfast.js', import.meta.url));

export interface Outcome {
  /** `null` when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<Outcome>;
  /** Resolves once stdout has `text`. */
  said(text: string): Promise<void>;
  /** What it wrote so far. */
  stdout(): string;
}

export interface StartOptions extends Pick<SpawnOptions, 'cwd' | 'detached'> {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
  /** For Node itself. */
  readonly nodeFlags?: readonly string[];
}

/** Starts `holdfast` as a user's shell would, with nothing configured but `env`. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  const { nodeFlags = [], ...rest } = options;
  return startProcess(process.execPath, [...nodeFlags, bin, ...args], rest);
}

export function holdfast(args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
  return start(args, options).ended;
}

export function startProcess(
  file: string,
  args: readonly string[],
  { env, stdin, ...options }: Omit<StartOptions, 'nodeFlags'> = {},
): Running {
  const { HOLDFAST_URL: _, ...inherited } = process.env;
  const child = spawn(file, args, { ...options, env: { ...inherited, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  if (stdin !== undefined) child.stdin.end(stdin);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  const said = async (text: string): Promise<void> => {
    while (!stdout.includes(text)) {
      if (child.exitCode !== null)
        throw new Error(`ended with ${child.exitCode} before it said ${text}: ${stdout} ${stderr}`);
      await delay(10);
    }
  };
  return { process: child, pid: child.pid ?? 0, ended, said, stdout: () => stdout };
}

export interface Temporary extends AsyncDisposable {
  readonly dir: string;
  readonly url: string;
}

/** A directory with a `file:` backend in it, deleted when the test's scope ends. */
export async function temporary(): Promise<Temporary> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  const url = pathToFileURL(join(dir, 'locks')).href;
  return { dir, url, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }) };
}

/** A zombie is not: it only waits for whoever inherited it to notice. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && !stdout.startsWith('Z');
}

/** Whether all of them are gone, or go within 5 s. */
export async function allGone(pids: readonly number[]): Promise<boolean> {
  for (const until = performance.now() + 5000; performance.now() < until; await delay(20)) {
    if (!pids.some(isAlive)) return true;
  }
  return false;
}
