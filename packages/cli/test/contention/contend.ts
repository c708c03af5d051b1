import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { allGone, start } from '../holdfast.ts';
import { Log } from './log.ts';
import type { Line } from './log.ts';

const script = fileURLToPath(new URL('../fixtures/add.sh', import.meta.url));
/** Long enough that a starved machine renews in time. */
const TTL_MS = 5000;
/** Hundreds of starts: what V8 would gain by optimizing code that runs once is a fraction of what that costs. */
const NODE_FLAGS = ['--no-opt'];
/** A victim stays inside this long, far beyond its ttl: if it was not ended, it writes when others have long been in. */
const LINGER_S = 11;

/** The exit status of one that was told that its lock is lost: where the backend is disturbed that may happen to anybody. */
export const LOST = 76;

/** How often a victim is looked for. */
const LOOK_MS = 10;

/** What happens to a holder while it is inside. */
export type Fate = 'killed alone' | 'killed with its command' | 'frozen past its ttl';

interface Attempt {
  readonly id: string;
  readonly fate: Fate | undefined;
  readonly status: number | null;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface Report {
  readonly attempts: readonly Attempt[];
  readonly lines: readonly Line[];
}

/** What is done to the backend, once so many additions count. */
export interface Disturbance {
  readonly after: number;
  readonly fault: () => Promise<void>;
}

/** `clients` add to one counter `additions` times each; an addition that the resource did not take is tried again. */
export async function contend(
  url: string,
  dir: string,
  clients: number,
  additions: number,
  disturbance?: Disturbance,
): Promise<Report> {
  const log = new Log(join(dir, 'log'));
  const fates = new Map<string, Fate>([
    ['3.4', 'killed alone'],
    ['7.8', 'killed with its command'],
    ['11.12', 'frozen past its ttl'],
  ]);
  const attempts: Attempt[] = [];
  let disturbed: Promise<void> | undefined;
  const disturb = (): void => {
    if (disturbance === undefined || disturbed !== undefined) return;
    if (log.lines().filter(({ accepted }) => accepted).length >= disturbance.after) disturbed = disturbance.fault();
  };
  const client = async (number: number): Promise<void> => {
    for (let addition = 0; addition < additions; addition += 1) {
      for (let retry = 0, done = false; !done; retry += 1) {
        const id = `${number}.${addition}.${retry}`;
        const fate = retry === 0 ? fates.get(`${number}.${addition}`) : undefined;
        const attempt = await add(url, log, id, fate);
        attempts.push(attempt);
        disturb();
        done = log.of(id).some((line) => line.accepted);
        const lost = disturbance !== undefined && attempt.status === LOST;
        if (!done && fate === undefined && !lost)
          throw new Error(`${id} was not counted: status ${attempt.status} ${attempt.stderr}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    await disturbed;
    if (disturbance !== undefined && disturbed === undefined) throw new Error('Nothing was disturbed');
    return { attempts, lines: log.lines() };
  } finally {
    log.close();
  }
}

async function add(url: string, log: Log, id: string, fate: Fate | undefined): Promise<Attempt> {
  const linger = fate === undefined ? 0 : LINGER_S;
  const args = [
    'run',
    'counter',
    '--backend',
    url,
    '--ttl',
    `${TTL_MS}ms`,
    '--',
    'sh',
    script,
    log.path,
    id,
    String(linger),
  ];
  const startedAt = performance.now();
  const running = start(args, { detached: fate === 'killed with its command', nodeFlags: NODE_FLAGS });
  if (fate !== undefined) await meet(fate, running.pid, () => log.of(id).length > 0);
  const { status, stderr } = await running.ended;
  const durationMs = performance.now() - startedAt;
  // A command that outlived its holder may still write: only then is it known whether the addition counts.
  const pids = log.of(id).flatMap((line) => line.pids);
  if (!(await allGone(pids))) throw new Error(`processes of ${id} are left behind: ${pids.join(' ')}`);
  return { id, fate, status, stderr, durationMs };
}

async function meet(fate: Fate, pid: number, inside: () => boolean): Promise<void> {
  while (!inside()) await delay(LOOK_MS);
  if (fate === 'frozen past its ttl') {
    process.kill(pid, 'SIGSTOP');
    await delay(TTL_MS * 1.5);
    process.kill(pid, 'SIGCONT');
  } else process.kill(fate === 'killed alone' ? pid : -pid, 'SIGKILL');
}
