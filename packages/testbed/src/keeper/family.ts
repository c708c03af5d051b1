import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Sends `signal` to the group of `pid`, and to all descendants that left the group: each of PostgreSQL's backends is in
 * a session of its own, and would go on without the postmaster. First the root is frozen, so that it starts no more;
 * then whoever may start processes of its own, until there is nobody new.
 */
export function signalFamily(pid: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  const family = new Set<number>();
  if (signal !== 'SIGCONT') signalGroup(pid, 'SIGSTOP');
  for (let found = descendants(pid); found.some((child) => !family.has(child)); found = descendants(pid)) {
    for (const child of found) {
      family.add(child);
      if (signal !== 'SIGCONT') signalOne(child, 'SIGSTOP');
    }
  }
  if (signal !== 'SIGSTOP') for (const child of family) signalOne(child, signal);
  signalGroup(pid, signal);
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalOne(-pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Nobody is left; macOS says EPERM when only a zombie is.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of processes()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(root);
}

/** Every process of this machine, with its parent. */
function processes(): [pid: number, parent: number][] {
  if (process.platform === 'linux') return readdirSync('/proc').flatMap(fromProc);
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
}

function fromProc(entry: string): [pid: number, parent: number][] {
  if (!/^\d+$/.test(entry)) return [];
  try {
    const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    // The command's name stands in parentheses and may contain any of them itself; state and parent follow.
    return [[Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It ended between the two reads.
    if (code === 'ENOENT' || code === 'ESRCH') return [];
    throw error;
  }
}
