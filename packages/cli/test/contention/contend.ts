import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { allGone, start } from '../holdfast.ts';

const script = fileURLToPath(new URL('../fixtures/add.sh', import.meta.url));
/** Long enough that a starved machine renews in time. */
const TTL_MS = 5000;
/** A victim stays inside this long, far beyond its ttl: if it was not ended, it writes when others have long been in. */
const LINGER_S = 11;

/** What happens to a holder while it is inside. */
export type Fate = 'killed alone' | 'killed with its command' | 'frozen past its ttl';

interface Attempt {
  readonly id: string;
  readonly fate: Fate | undefined;
  readonly status: number | null;
  readonly stderr: string;
  readonly durationMs: number;
}

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

export interface Report {
  readonly attempts: readonly Attempt[];
  readonly lines: readonly Line[];
}

/** `clients` add to one counter `additions` times each; an addition that the resource did not take is tried again. */
export async function contend(url: string, dir: string, clients: number, additions: number): Promise<Report> {
  const log = join(dir, 'log');
  appendFileSync(log, '');
  const fates = new Map<string, Fate>([
    ['3.10', 'killed alone'],
    ['7.15', 'killed with its command'],
    ['11.20', 'frozen past its ttl'],
  ]);
  const attempts: Attempt[] = [];
  const client = async (number: number): Promise<void> => {
    for (let addition = 0; addition < additions; addition += 1) {
      for (let retry = 0, done = false; !done; retry += 1) {
        const id = `${number}.${addition}.${retry}`;
        const fate = retry === 0 ? fates.get(`${number}.${addition}`) : undefined;
        const attempt = await add(url, log, id, fate);
        attempts.push(attempt);
        done = fold(log).some((line) => line.attempt === id && line.accepted);
        if (!done && fate === undefined)
          throw new Error(`${id} was not counted: status ${attempt.status} ${attempt.stderr}`);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return { attempts, lines: fold(log) };
}

async function add(url: string, log: string, id: string, fate: Fate | undefined): Promise<Attempt> {
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
    log,
    id,
    String(linger),
  ];
  const startedAt = performance.now();
  const running = start(args, { detached: fate === 'killed with its command' });
  if (fate !== undefined) await meet(fate, running.pid, () => fold(log).some((line) => line.attempt === id));
  const { status, stderr } = await running.ended;
  const durationMs = performance.now() - startedAt;
  // A command that outlived its holder may still write: only then is it known whether the addition counts.
  const pids = fold(log).find((line) => line.attempt === id)?.pids ?? [];
  if (!(await allGone(pids))) throw new Error(`processes of ${id} are left behind: ${pids.join(' ')}`);
  return { id, fate, status, stderr, durationMs };
}

async function meet(fate: Fate, pid: number, inside: () => boolean): Promise<void> {
  while (!inside()) await delay(5);
  if (fate === 'frozen past its ttl') {
    process.kill(pid, 'SIGSTOP');
    await delay(TTL_MS * 1.5);
    process.kill(pid, 'SIGCONT');
  } else process.kill(fate === 'killed alone' ? pid : -pid, 'SIGKILL');
}

/** The same rule as `fold.awk`. */
function fold(log: string): Line[] {
  let fence = 0n;
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((text) => {
      const [kind, token = '', attempt = '', ...rest] = text.split(' ');
      if (kind !== 'enter' && kind !== 'write') throw new Error(`a torn line in the log: ${text}`);
      const entry = { token: BigInt(token), attempt };
      if (kind === 'enter' && entry.token > fence) fence = entry.token;
      if (kind === 'enter') return { ...entry, kind, value: 0, pids: rest.map(Number), accepted: false };
      return { ...entry, kind, value: Number(rest[0]), pids: [], accepted: entry.token >= fence };
    });
}
