import { randomBytes } from 'node:crypto';
import type { Capabilities, Finding, Locks } from '@holdfast/core';
import { chooseBackend, openLocks } from './backend.ts';
import { explain, explanationLines } from './choice.ts';
import type { Explanation } from './choice.ts';
import { EXIT } from './exit-status.ts';
import { print, printable } from './output.ts';
import { promises } from './promises.ts';
import { table } from './table.ts';

/** The round trip must not hang on a backend that accepts and never answers, in ms. */
const TIMEOUT_MS = 10_000;

export async function doctor(wish: string | undefined, json: boolean): Promise<number> {
  const choice = await chooseBackend('the argument', wish);
  const report: Report = { ...explain(choice) };
  try {
    if (!json) print(table(explanationLines(report, process.cwd()).map((line) => line.map(printable))));
    await check(await openLocks(choice), report, json);
  } catch (error) {
    report.error = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    if (json) print(JSON.stringify(report, null, 2));
  }
  return report.findings?.some((finding) => finding.level === 'error') === true ? EXIT.unavailable : EXIT.ok;
}

/** What `--json` prints: as far as it came. */
interface Report extends Explanation {
  adapter?: string;
  capabilities?: Capabilities;
  findings?: readonly Finding[];
  error?: string;
}

async function check(locks: Locks, report: Report, json: boolean): Promise<void> {
  try {
    report.adapter = locks.backend;
    report.capabilities = locks.capabilities;
    if (!json) {
      print(`\nWhat ${locks.backend} promises`);
      print(table(promises(locks.capabilities).map(([what, words]) => [`  ${what}`, words])));
      print('\nChecks');
    }
    report.findings = await examine(locks);
    if (!json) for (const { level, message } of report.findings) print(`  ${marks[level]} ${printable(message)}`);
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
