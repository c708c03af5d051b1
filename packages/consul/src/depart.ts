import type { Consul, Operation } from './consul.ts';
import { PlaceLostError, RefusedError } from './errors.ts';
import { handOver } from './hand-over.ts';
import type { Entry } from './queue.ts';
import type { ConsulSession } from './session.ts';
import type { Ticket } from './ticket.ts';

export interface Departure {
  /** Called before each request. */
  readonly onAttempt: () => void;
  /** Whom to grant the lock, if it can be. */
  readonly next?: Entry | undefined;
  /** Called with the token of `next`. */
  readonly onHandedOver?: (token: bigint) => void;
}

/**
 * Takes a request out of the queue, holder or waiter: tries until the key is known to be gone, or the session is over, with
 * which it goes. Resolves with whether the key was there and this removed it.
 */
export async function depart(
  consul: Consul,
  session: ConsulSession,
  ticket: Ticket,
  { onAttempt, next, onHandedOver }: Departure,
): Promise<boolean> {
  const isDoubtful = ticket.doubtful;
  let isRepeated = false;
  const asking = {
    onDoubt: () => (isRepeated = true),
    check: () => {
      onAttempt();
      if (session.isOver) throw new PlaceLostError('The session is over');
    },
    patienceMs: Infinity,
  };
  try {
    const token = next && (await handOver(consul, session, ticket, next, asking));
    if (token !== undefined) {
      onHandedOver?.(token);
      return !ticket.evicted;
    }
    const outcome = await consul.transact(removal(session, ticket), asking);
    if (outcome.applied) {
      const [fence] = outcome.results;
      if (isDoubtful && fence !== undefined) session.raise(fence.ModifyIndex);
      return !ticket.evicted;
    }
    // Gone already; if the answer to an earlier attempt was lost, it was that one, unless somebody else is known to have removed it.
    const found = await consul.read(ticket.key, asking);
    if (found?.Session !== session.id) return isRepeated && !ticket.evicted;
    await session.lease.renew();
    throw new RefusedError(403, outcome.why);
  } catch (error) {
    if (error instanceof PlaceLostError || session.isOver) return false;
    throw error;
  }
}

/** No other request ever has this key, so that to remove it late, or twice, harms nobody. */
function removal(session: ConsulSession, { key, doubtful }: Ticket): Operation[] {
  const first: Operation = doubtful ? session.advance : { Verb: 'check-session', Key: key, Session: session.id };
  return [first, { Verb: 'delete', Key: key }];
}
