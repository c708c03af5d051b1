import { randomBytes } from 'node:crypto';
import { redactUrl } from '@holdfast/core';
import type { Finding, Locks } from '@holdfast/core';
import { chooseBackend, openLocks } from './backend.ts';
import { EXIT } from './exit-status.ts';
import { print, printable } from './output.ts';
import { promises } from './promises.ts';
import { table } from './table.ts';

/** The round trip must not hang on a backend that accepts and never answers, in ms. */
const TIMEOUT_MS = 10_000;

export async function doctor(url: string | undefined): Promise<number> {
  const choice = chooseBackend('the argument', url);
  print(`Backend   ${printable(redactUrl(choice.url))}`);
  print(`Chosen by ${choice.from}`);
  const locks = await openLocks(choice);
  try {
    print(`\nWhat ${locks.backend} promises`);
    print(table(promises(locks.capabilities).map(([what, words]) => [`  ${what}`, words])));
    print('\nChecks');
    const findings = await examine(locks);
    for (const { level, message } of findings) print(`  ${marks[level]} ${printable(message)}`);
    return findings.some((finding) => finding.level === 'error') ? EXIT.unavailable : EXIT.ok;
  } finally {
    await locks.close();
  }
}

const marks: Readonly<Record<Finding['level'], string>> = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' };

async function examine(locks: Locks): Promise<Finding[]> {
  const { server, findings } = await locks.diagnose();
  return [{ level: 'ok', message: `${server} answers` }, ...findings, ...(await roundTrip(locks))];
}

/** Takes and releases a lock of its own name twice: the second token must be the greater one. */
async function roundTrip(locks: Locks): Promise<Finding[]> {
  const name = `holdfast-doctor-${randomBytes(8).toString('hex')}`;
  const first = await once(locks, name);
  const second = await once(locks, name);
  const timing = `acquired in ${second.acquireMs.toFixed(1)} ms, released in ${second.releaseMs.toFixed(1)} ms (the first time, with the connection: ${first.acquireMs.toFixed(1)} ms)`;
  const tokens = `fencing token ${first.token}, then ${second.token}`;
  return [
    { level: 'ok', message: timing },
    second.token > first.token
      ? { level: 'ok', message: tokens }
      : { level: 'error', message: `${tokens}: they must grow` },
  ];
}

interface Once {
  readonly token: bigint;
  readonly acquireMs: number;
  readonly releaseMs: number;
}

async function once(locks: Locks, name: string): Promise<Once> {
  const start = performance.now();
  const lock = await locks.acquire(name, { timeout: TIMEOUT_MS });
  const granted = performance.now();
  await lock.release();
  return { token: lock.fencingToken, acquireMs: granted - start, releaseMs: performance.now() - granted };
}
