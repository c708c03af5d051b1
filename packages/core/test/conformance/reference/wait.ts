import { BackendUnavailableError, monotonicMs } from '@holdfast/core/adapter';
import type { LockRequest } from '@holdfast/core/adapter';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, OwnerEvent } from './connection.ts';
import type { Habits } from './habits.ts';
import type { Answer } from './wire.ts';

/** How long to wait before asking for a connection again, in ms. */
const RETRY_MS = 100;

interface Waiter {
  readonly connection: Connection;
  readonly request: LockRequest;
  readonly habits: Habits;
  /** Takes its place in the queue again, or finds out that it still has it. */
  readonly enter: () => Promise<Answer>;
  /** Proves itself alive, and finds out whether it holds. */
  readonly confirm: () => Promise<Answer>;
}

/** Until the server has granted the request and knows that it arrived. Rejects with the signal's reason. */
export async function waitForGrant(waiter: Waiter): Promise<{ answer: Answer; provedAt: number }> {
  const { connection, request, habits } = waiter;
  for (;;) {
    const event = await nextEvent(waiter);
    request.signal.throwIfAborted();
    const provedAt = monotonicMs();
    if (event.type === 'granted' && !habits.confirms)
      return { answer: { place: 'held', token: event.token ?? '0' }, provedAt };
    try {
      const confirmed = event.type === 'granted' ? await waiter.confirm() : undefined;
      // Slept through its own grant, or the connection is another one now: in again, with the same owner.
      const answer = confirmed === undefined || confirmed.place === 'absent' ? await waiter.enter() : confirmed;
      if (answer.place === 'held') return { answer, provedAt };
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      await delay(RETRY_MS, undefined, { ref: false });
      connection.post(request.owner, { type: 'disconnected' });
    }
  }
}

/** What is to be done next: `granted`, or look again after a disconnect. */
function nextEvent({ connection, request, habits }: Waiter): Promise<OwnerEvent> {
  const { signal, owner } = request;
  return new Promise((resolve, reject) => {
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      connection.pause(owner);
    };
    const look = (event: OwnerEvent): void => {
      settled();
      resolve(event);
    };
    const abort = (): void => {
      settled();
      reject(signal.reason as Error);
    };
    const timer =
      habits.pollsMs === undefined
        ? undefined
        : setTimeout(() => look({ type: 'disconnected' }), habits.pollsMs).unref();
    signal.addEventListener('abort', abort, { once: true });
    connection.listen(owner, (event) => {
      if (
        habits.pollsMs === undefined &&
        (event.type === 'granted' || (event.type === 'disconnected' && habits.reenters))
      )
        look(event);
    });
  });
}
