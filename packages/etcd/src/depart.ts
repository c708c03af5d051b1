import { PlaceLostError } from './acquisition.ts';
import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import { isLeaseGone } from './errors.ts';
import { remove } from './requests.ts';
import type { EtcdSession } from './session.ts';
import type { Ticket } from './ticket.ts';

/**
 * Takes a request out of the queue, holder or waiter: tries until the key is known to be gone, or the session is over, with
 * which it goes. One that `holds` hands over to the next one, if it can. Resolves with whether the key was there and this removed it.
 */
export async function depart(
  connection: Connection,
  session: EtcdSession,
  ticket: Ticket,
  holds: boolean,
): Promise<boolean> {
  let isRepeated = false;
  const check = (): void => {
    if (session.isOver) throw new PlaceLostError('The session is over');
  };
  const options = { onDoubt: (): void => void (isRepeated = true), check, patienceMs: Infinity };
  try {
    if (holds) {
      const request = session.successors.handOver(ticket);
      const isHandedOver =
        request && (await connection.ask((client, call) => txn(client, request, call), options)).succeeded;
      if (isHandedOver) {
        ticket.next = undefined;
        return true;
      }
    }
    const removal = session.successors.removal(ticket);
    const { responses, succeeded } = await connection.ask(
      (client, call) => txn(client, remove(removal, session), call),
      options,
    );
    if (removal.pointer !== undefined) ticket.next = undefined;
    const wasThere = succeeded && responses[0]?.response_delete_range?.deleted === '1';
    // If the answer to an earlier attempt was lost, it was that one, unless somebody else is known to have removed it.
    return wasThere || (isRepeated && !ticket.evicted);
  } catch (error) {
    if (error instanceof PlaceLostError || isLeaseGone(error)) return false;
    throw error;
  }
}
