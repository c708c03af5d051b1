import type { WatchKind } from '../session/watches.ts';
import type { Entry } from './entry.ts';

/** What ends a wait: a node that is watched, the end of the session, or the caller's signal. */
export interface WakeUp {
  readonly rung: Promise<void>;
  ring(): void;
  /** To be called before the request that sets the watch. `listener` may ring; without it, whatever happens to the node does. */
  watch(kind: WatchKind, path: string, listener?: (isGone: boolean) => void): void;
}

/** Calls `wait` with a bell of its own, which is taken down afterwards. Rejects with the signal's reason once that has aborted. */
export async function untilRung<T>(
  { session }: Entry,
  signal: AbortSignal,
  wait: (bell: WakeUp) => Promise<T>,
): Promise<T> {
  let ring: () => void = () => undefined;
  const rung = new Promise<void>((resolve) => {
    ring = resolve;
  });
  const undo: (() => void)[] = [];
  const watch: WakeUp['watch'] = (kind, path, listener = ring) => {
    undo.push(session.watches.add(kind, path, listener));
  };
  undo.push(
    session.lease.observe((event) => {
      if (event.type === 'lost') ring();
    }),
    () => signal.removeEventListener('abort', ring),
  );
  signal.addEventListener('abort', ring);
  if (signal.aborted) ring();
  try {
    const result = await wait({ rung, ring, watch });
    signal.throwIfAborted();
    return result;
  } finally {
    for (const step of undo) step();
  }
}
