import type { WatchKind } from '../session/watches.ts';
import { Code } from '../errors.ts';
import { getData } from '../protocol/operations.ts';
import { hasCode } from './codes.ts';
import type { Entry } from './entry.ts';
import { changeInLine, isWorthwhile, lineOf } from './line.ts';
import type { Line } from './line.ts';
import { KnownQueue } from './known.ts';
import { look } from './look.ts';
import { decodeNode } from './node-data.ts';
import { placeOf } from './view.ts';
import type { Place, View } from './view.ts';
import { untilRung } from './wake-up.ts';

export type Turn =
  | { readonly type: 'held'; readonly isFollowed: boolean; readonly view: View }
  | { readonly type: 'gone' };

/** What it waits for; no view, which is as large as the queue. */
type Waiting = (Place & { readonly type: 'behind' | 'next' }) | { readonly type: 'line'; readonly line: Line };

/**
 * Waits until the request holds. Every step looks at the whole queue, in the request's own session, so that a grant needs the
 * request's own node: a waiter that was woken by mistake, or too late, sees that here. Only what is seen in {@link lineOf}'s way needs
 * no look.
 *
 * Rejects with the signal's reason, or a `SessionOverError`.
 */
export function waitForTurn(entry: Entry, first: View, signal: AbortSignal): Promise<Turn> {
  const step = stepOf(entry, first);
  return KnownQueue.during(entry, first, (known) => turnOf(entry, step, known, signal));
}

async function turnOf(entry: Entry, first: Turn | Waiting, known: KnownQueue, signal: AbortSignal): Promise<Turn> {
  let step = first;
  while (step.type !== 'held' && step.type !== 'gone') step = await changed(entry, step, known, signal);
  return step;
}

function stepOf(entry: Entry, view: View): Turn | Waiting {
  const place = placeOf(entry.name, view);
  if (place.type === 'held') return { ...place, view };
  if (place.type === 'gone') return place;
  const line = isWorthwhile(entry.session) ? lineOf(entry, view) : undefined;
  return line === undefined ? place : { type: 'line', line };
}

async function changed(entry: Entry, step: Waiting, known: KnownQueue, signal: AbortSignal): Promise<Turn | Waiting> {
  const seen =
    step.type === 'line' ? await changeInLine(entry, step.line, known, signal) : await changeOf(entry, step, signal);
  if (seen !== undefined) return stepOf(entry, seen);
  const view = await seenBy(entry);
  known.saw(view);
  return stepOf(entry, view);
}

/** Resolves when it is worth looking again. */
function changeOf(
  entry: Entry,
  place: Place & { type: 'behind' | 'next' },
  signal: AbortSignal,
): Promise<View | undefined> {
  const { container } = entry;
  const [kind, path]: [WatchKind, string] =
    place.type === 'next' ? ['children', container.path] : ['data', `${container.path}/${place.node.name}`];
  return untilRung(entry, signal, async (bell) => {
    bell.watch(kind, path);
    // Looking again under the watch: what happened before it was set would wake nobody.
    const isCurrent = place.type === 'next' ? await isStillNext(entry) : await isStillBehind(entry, path, place.until);
    if (isCurrent) await bell.rung;
    return undefined;
  });
}

async function isStillNext(entry: Entry): Promise<boolean> {
  return placeOf(entry.name, await seenBy(entry, true)).type === 'next';
}

const NOBODY: View = { entered: [], order: [], floor: 0n };

/** The server removes a container that is empty: then the request's own node is gone as well, as by a theft. */
async function seenBy({ session, container }: Entry, watch = false): Promise<View> {
  try {
    return await look(session, container.path, watch);
  } catch (error) {
    if (hasCode(error, Code.noNode)) return NOBODY;
    throw error;
  }
}

/** Read with `getData`, which sets no watch on a node that is gone; one set with `exists` would stay at the server forever. */
async function isStillBehind({ session }: Entry, path: string, until: 'gone' | 'granted'): Promise<boolean> {
  try {
    const { data } = await session.call(getData(path, true));
    return until === 'gone' || decodeNode(data).stage === 'entered';
  } catch (error) {
    if (hasCode(error, Code.noNode)) return false;
    throw error;
  }
}
