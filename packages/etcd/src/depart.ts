import { PlaceLostError } from './acquisition.ts';
import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import { isLeaseGone } from './errors.ts';
import { remove } from './requests.ts';
import type { EtcdSession } from './session.ts';
import type { Ticket } from './ticket.ts';

/**
 * Takes a request out of the queue, holder or waiter: tries until the key is known to be gone, or the session is over, with
 * which it goes. Resolves with whether the key was there and this removed it.
 */
export async function depart(connection: Connection, session: EtcdSession, ticket: Ticket): Promise<boolean> {
  let isRepeated = false;
  const check = (): void => {
    if (session.isOver) throw new PlaceLostError('The session is over');
  };
  try {
    const { responses, succeeded } = await connection.ask(
      (client, options) => txn(client, remove(ticket, session), options),
      { onDoubt: () => (isRepeated = true), check, patienceMs: Infinity },
    );
    const wasThere = succeeded && responses[0]?.response_delete_range?.deleted === '1';
    // If the answer to an earlier attempt was lost, it was that one, unless somebody else is known to have removed it.
    return wasThere || (isRepeated && !ticket.evicted);
  } catch (error) {
    if (error instanceof PlaceLostError || isLeaseGone(error)) return false;
    throw error;
  }
}
