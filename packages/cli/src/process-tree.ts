import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process, told apart from a later one that got the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly parent: number;
  /** In whatever unit the system gives. */
  readonly started: string;
  readonly zombie: boolean;
}

/** All that live now; empty on Windows, which has no process tree to speak of. */
export function listProcesses(): ProcessIdentity[] {
  if (process.platform === 'linux') return listProc();
  return process.platform === 'win32' ? [] : listPs();
}

/** What `roots` started, directly or not, of `processes`. */
export function descendantsOf(roots: readonly number[], processes: readonly ProcessIdentity[]): ProcessIdentity[] {
  const family = new Set(roots);
  const found: ProcessIdentity[] = [];
  // A child may be listed before its parent once pids wrap around: go on until nothing is new.
  for (let before = -1; before !== found.length;) {
    before = found.length;
    for (const entry of processes) {
      if (family.has(entry.pid) || !family.has(entry.parent)) continue;
      family.add(entry.pid);
      found.push(entry);
    }
  }
  return found;
}

/** Those of `known` that still run. */
export function survivors(known: readonly ProcessIdentity[], processes: readonly ProcessIdentity[]): ProcessIdentity[] {
  const alive = new Set(processes.filter((entry) => !entry.zombie).map((entry) => `${entry.pid} ${entry.started}`));
  return known.filter((entry) => alive.has(`${entry.pid} ${entry.started}`));
}

function listProc(): ProcessIdentity[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(readProc)
    .filter((entry) => entry !== undefined);
}

function readProc(pid: string): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // Gone since it was listed.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid: Number(pid), parent: Number(fields[1]), started: fields[19] ?? '', zombie: fields[0] === 'Z' };
}

function listPs(): ProcessIdentity[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,lstart='], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null) return [];
    return [
      { pid: Number(match[1]), parent: Number(match[2]), zombie: match[3]!.startsWith('Z'), started: match[4]!.trim() },
    ];
  });
}
