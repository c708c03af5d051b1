import type { Asking } from './agents.ts';
import { GRANTED } from './consul.ts';
import type { Consul, Operation } from './consul.ts';
import { PlaceLostError, RefusedError } from './errors.ts';
import { thievesOf } from './keys.ts';
import type { Lines } from './lines.ts';
import { entriesOf } from './queue.ts';
import type { Entry } from './queue.ts';
import type { ConsulSession } from './session.ts';
import type { Ticket } from './ticket.ts';

/**
 * The release of an exclusive lock grants it to the request directly behind, if that is exclusive, too: one transaction removes the
 * holder's key and marks that of the next one, whose new index is the token. Neither is a thief, and none is entered in doubt.
 *
 * It is right: nobody was ahead of a holder but thieves that came since, which look for it (see steal.ts), and nobody can have come
 * between the two. That the next one is as it was read, and so in the queue, and that its session lives, are conditions of
 * the transaction. An old list is harmless: those in it only leave, and others come behind them.
 */
function grant(session: ConsulSession, { key }: Ticket, next: Entry & { readonly session: string }): Operation[] {
  return [
    { Verb: 'check-session', Key: key, Session: session.id },
    { Verb: 'check-index', Key: next.key, Index: next.modified },
    // What `query` shows of it stays as it is.
    { Verb: 'lock', Key: next.key, Session: next.session, Value: next.value ?? '', Flags: GRANTED },
    { Verb: 'delete', Key: key },
  ];
}

const NOBODY: readonly Entry[] = [];

/** So many hand-overs in one process can do without reading the queue again. */
const MAX_KNOWN = 32;

/** Those behind a lone holder, in their order. Nobody if there is a thief, who stands ahead. */
export function behind(entries: readonly Entry[], own: Entry): readonly Entry[] {
  return entries.length > 1 && entries[0] === own && isPlain(own) ? entries.slice(1, 1 + MAX_KNOWN) : NOBODY;
}

/** Whether the release of `ahead` may grant the lock to `own`, which is directly behind. */
export function follows(own: Entry, ahead: Entry): boolean {
  return isPlain(own) && isPlain(ahead);
}

function isPlain({ mode, thief }: Entry): boolean {
  return mode === 'exclusive' && !thief;
}

/** Whom a holder hands the lock over to. What was sent in doubt must leave a mark at its end (see depart.ts). */
export function nextOf({ behind: [next], doubtful }: Pick<Ticket, 'behind' | 'doubtful'>): Entry | undefined {
  return next !== undefined && isPlain(next) && !doubtful ? next : undefined;
}

/** The token of the next one; `undefined` if it can't be granted. */
export async function handOver(
  consul: Consul,
  session: ConsulSession,
  ticket: Ticket,
  next: Entry,
  asking: Asking,
): Promise<bigint | undefined> {
  if (next.session === undefined) return undefined;
  try {
    const outcome = await consul.transact(grant(session, ticket, { ...next, session: next.session }), asking);
    const written = outcome.applied ? outcome.results.findLast(({ Key }) => Key === next.key) : undefined;
    return written && BigInt(written.ModifyIndex);
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}

/**
 * Who was granted the lock without having read the queue learns meanwhile who is behind. If that fails, or comes too late, the next one
 * asks.
 */
export function lookBehind(consul: Consul, ticket: Ticket, lines: Lines): void {
  const check = (): void => {
    if (ticket.place === 'gone') throw new PlaceLostError('The lock is released');
  };
  lookedUp(consul, ticket, lines, { check }).then(
    (entries) => (ticket.behind = entries),
    () => undefined,
  );
}

/** A list of the queue is as long as that is. If the process has seen one with somebody behind, two things are left to ask. */
async function lookedUp(
  consul: Consul,
  { queue, key }: Ticket,
  lines: Lines,
  asking: Asking,
): Promise<readonly Entry[]> {
  const known = lines.behind(queue, key);
  const [next] = known;
  if (next !== undefined && isPlain(next)) {
    const thieves = thievesOf(queue);
    const outcome = await consul.transact(
      [
        { Verb: 'check-index', Key: next.key, Index: next.modified },
        // Whoever knows of a thief grants to nobody: it would have to run after the lock.
        { Verb: 'get-tree', Key: thieves },
      ],
      asking,
    );
    if (outcome.applied) return outcome.results.some(({ Key }) => Key.startsWith(thieves)) ? NOBODY : known;
  }
  const entries = entriesOf(await consul.list(queue, asking));
  lines.saw(queue, entries);
  const own = entries.find((entry) => entry.key === key);
  return own === undefined ? NOBODY : behind(entries, own);
}
