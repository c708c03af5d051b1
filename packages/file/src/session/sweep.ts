import { randomInt } from 'node:crypto';
import { readdir, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../errors.ts';
import { probe, provesDeath } from './endpoint.ts';

/** A dead process's socket is the proof of its death for whoever finds its name in a log; kept so long, in ms. */
const RETAIN_MS = 10 * 60_000;
/** At most so many per session, so that a start stays quick after a mass of kills. */
const MAX_PROBES = 32;

/**
 * Removes the sockets of processes that were killed. In two steps, because a socket's own times tell when its process began and
 * not when it died: an access time of 0 says "found dead at the modification time".
 */
export async function sweepSockets(directory: string, pathOf: (session: string) => string, own: string): Promise<void> {
  const sessions = (await readdir(directory)).filter((session) => session !== own);
  // From anywhere, so that many living sessions do not hide the dead ones for good.
  const start = randomInt(sessions.length + 1);
  for (const session of [...sessions.slice(start), ...sessions.slice(0, start)].slice(0, MAX_PROBES)) {
    if (!provesDeath(session, await probe(pathOf(session)))) continue;
    try {
      await bury(join(directory, session));
    } catch (error) {
      // Another process sweeps too.
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

async function bury(path: string): Promise<void> {
  const { atimeMs, mtimeMs } = await stat(path);
  const now = Date.now();
  if (atimeMs !== 0) await utimes(path, 0, now / 1000);
  else if (now - mtimeMs > RETAIN_MS) await unlink(path);
}
