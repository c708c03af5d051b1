import { setTimeout as delay } from 'node:timers/promises';
import type { Locks, LockSnapshot } from '@holdfast/core';
import { chooseBackend, openLocks } from './backend.ts';
import { EXIT } from './exit-status.ts';
import { outputClosed, print, quoted } from './output.ts';
import { snapshotTable, snapshotJson } from './snapshot.ts';

/** Between two looks of `--watch`, in ms. */
const WATCH_MS = 1000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J\u001b[3J';

export interface QueryOptions {
  readonly backend: string | undefined;
  readonly json: boolean;
  readonly watch: boolean;
}

export async function query(name: string | undefined, options: QueryOptions): Promise<number> {
  const stop = new AbortController();
  if (options.watch) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const locks = await openLocks(await chooseBackend('--backend', options.backend));
  try {
    if (options.watch) await watch(locks, name, options.json, AbortSignal.any([stop.signal, outputClosed]));
    else
      print(
        options.json
          ? JSON.stringify(snapshotJson(await locks.query(name)), null, 2)
          : render(name, await locks.query(name)),
      );
    return EXIT.ok;
  } finally {
    await locks.close();
  }
}

async function watch(locks: Locks, name: string | undefined, json: boolean, signal: AbortSignal): Promise<void> {
  const inPlace = process.stdout.isTTY && !json;
  let shown: string | undefined;
  while (!signal.aborted) {
    const snapshot = await locks.query(name);
    const state = JSON.stringify(snapshotJson(snapshot));
    // In place the ages tick on; elsewhere only what changed is worth a line.
    if (inPlace) print(`${CLEAR_SCREEN}${render(name, snapshot)}`);
    else if (state !== shown) print(json ? state : `${render(name, snapshot)}\n`);
    shown = state;
    await delay(WATCH_MS, undefined, { signal }).catch(() => signal.aborted);
  }
}

function render(name: string | undefined, snapshot: LockSnapshot): string {
  if (snapshot.held.length + snapshot.pending.length > 0) return snapshotTable(snapshot, new Date());
  return name === undefined ? 'Nobody holds or waits for any lock.' : `Nobody holds or waits for ${quoted(name)}.`;
}
