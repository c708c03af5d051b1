import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ConfigError } from '@holdfast/core/adapter';
import { hasCode } from './errors.ts';

/**
 * The monotonic clock that all processes of a host share (CLOCK_MONOTONIC), in ms. It stands still while the host sleeps, and
 * so do all holders. In a Linux time namespace the process sees it shifted; that is taken out again (time_namespaces(7)).
 */
export function hostMs(): number {
  return Number(process.hrtime.bigint()) / 1e6 - shiftMs;
}

/** For tokens' floor and for people; decides nothing. */
export function wallMicros(): number {
  return Date.now() * 1000;
}

const shiftMs: number = timeNamespaceShiftMs();

function timeNamespaceShiftMs(): number {
  if (process.platform !== 'linux') return 0;
  try {
    const [, seconds, nanos] =
      /^monotonic\s+(-?\d+)\s+(-?\d+)/m.exec(readFileSync('/proc/self/timens_offsets', 'utf8')) ?? [];
    return Number(seconds ?? 0) * 1000 + Number(nanos ?? 0) / 1e6;
  } catch (error) {
    // A kernel without time namespaces.
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

/** Identifies this boot of the kernel. Throws `ConfigError` where it can't be read. */
export function bootId(): string {
  try {
    if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
  } catch (error) {
    throw new ConfigError('The file backend needs the boot id of the kernel (on Linux from /proc)', { cause: error });
  }
}
