import { keptWhile, monotonicMs } from '@holdfast/core/adapter';
import type { LockRequest } from '@holdfast/core/adapter';
import { ZooKeeperGrant } from './grant.ts';
import { setData } from './protocol/operations.ts';
import type { Container } from './queue/container.ts';
import { enter, leave } from './queue/entry.ts';
import type { Entered, Entry } from './queue/entry.ts';
import { encodeNode } from './queue/node-data.ts';
import { steal, tokenOf } from './queue/token.ts';
import { placeOf } from './queue/view.ts';
import { waitForTurn } from './queue/wait.ts';
import type { Turn } from './queue/wait.ts';
import type { ZooKeeperSession } from './session/session.ts';

/** `taken`: not free, and the request only tries. `again`: its node is gone while the session may live. */
export type Outcome = ZooKeeperGrant | 'taken' | 'again';

/**
 * Takes a request through the queue, in one session. Rejects with a `SessionOverError` when that ends, with a
 * `BackendUnavailableError` when the servers could not be reached for too long while it entered, and with the signal's reason.
 */
export async function attempt(session: ZooKeeperSession, container: Container, request: LockRequest): Promise<Outcome> {
  const withdraw = (entry: Entry): Promise<unknown> => leave(entry).then(undefined, () => undefined);
  const entered = await session.unlessOut(enter(session, container, request), (late) => void withdraw(late.entry));
  try {
    const outcome = await outcomeOf(entered, request);
    if (outcome === 'taken') await leave(entered.entry);
    return outcome;
  } catch (error) {
    // Whatever it was, nothing is left behind; if that can't be told to the server, the node goes with the session.
    await withdraw(entered.entry);
    throw error;
  }
}

async function outcomeOf(entered: Entered, request: LockRequest): Promise<Outcome> {
  const { entry, view } = entered;
  request.signal.throwIfAborted();
  if (request.steal) return granted(entry, await steal(entered, request.client));
  if (placeOf(entry.name, view).type === 'held') return granted(entry, await tokenOf(entry, view, request.client));
  if (!request.wait) return 'taken';
  request.onContended();
  const turn = await waitAlive(entered, request);
  if (turn.type === 'gone') return 'again';
  const token = await tokenOf(entry, turn.view, request.client);
  if (token === entry.czxid && turn.isFollowed && request.mode === 'semaphore') tellFollowers(entry, request);
  const outcome = granted(entry, token);
  if (outcome instanceof ZooKeeperGrant) outcome.waitedUntil = monotonicMs();
  return outcome;
}

function granted(entry: Entry, token: bigint | undefined): Outcome {
  if (token === undefined) return 'again';
  const grant = new ZooKeeperGrant(entry, token);
  grant.watch();
  return grant;
}

function waitAlive({ entry, view }: Entered, { renew, signal }: LockRequest): Promise<Turn> {
  const wait = (): Promise<Turn> => waitForTurn(entry, view, signal);
  return renew ? wait() : keptWhile(entry.session.lease, wait);
}

/** The next semaphore request behind one that waited learns from its data that it holds now; by the view it could not be told. */
function tellFollowers({ session, path }: Entry, { client }: LockRequest): void {
  // If the node is gone, they are told by that.
  session.call(setData(path, encodeNode(client, 'held'))).then(undefined, () => undefined);
}
