import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const relayed = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Takes the place of the default actions until the process ends, so that it never dies before the command. SIGTSTP and
 * SIGCONT keep theirs: Ctrl-Z stops the whole job, ourselves included, as the shell expects.
 */
export function onSignals(deliver: (signal: NodeJS.Signals) => void): void {
  for (const signal of relayed) process.on(signal, () => deliver(signal));
}

/**
 * Whether the child has this signal already. Ctrl-C and Ctrl-\ go to the terminal's whole foreground process group, in which
 * the child is too; a second one from us would be a second Ctrl-C.
 */
export function sentByTerminal(signal: NodeJS.Signals): boolean {
  return (signal === 'SIGINT' || signal === 'SIGQUIT') && inForeground();
}

function inForeground(): boolean {
  const groups = process.platform === 'linux' ? groupsOfProc() : groupsOfPs();
  return groups !== undefined && groups.foreground > 0 && groups.own === groups.foreground;
}

interface Groups {
  readonly own: number;
  /** Of our controlling terminal; -1 or 0 without one. */
  readonly foreground: number;
}

function groupsOfProc(): Groups {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The command's name in parentheses may hold blanks and parentheses; after the last one come state, ppid, pgrp, session, tty, tpgid.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { own: Number(fields[2]), foreground: Number(fields[5]) };
}

function groupsOfPs(): Groups | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)], { encoding: 'utf8' });
  const match = /(\d+)\s+(-?\d+)/.exec(stdout ?? '');
  return status === 0 && match !== null ? { own: Number(match[1]), foreground: Number(match[2]) } : undefined;
}
