import type { Consul, Operation } from './consul.ts';
import { PlaceLostError, RefusedError } from './errors.ts';
import type { ConsulSession } from './session.ts';
import type { Ticket } from './ticket.ts';

/**
 * Takes a request out of the queue, holder or waiter: tries until the key is known to be gone, or the session is over, with
 * which it goes. Resolves with whether the key was there and this removed it.
 */
export async function depart(
  consul: Consul,
  session: ConsulSession,
  ticket: Ticket,
  onAttempt: () => void,
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
