import { keptWhile, monotonicMs } from '@holdfast/core/adapter';
import type { ClientInfo, LockRequest } from '@holdfast/core/adapter';
import { ZooKeeperGrant } from './grant.ts';
import { setData } from './protocol/operations.ts';
import type { Container } from './queue/container.ts';
import { enter, leave } from './queue/entry.ts';
import type { Entered, Entry } from './queue/entry.ts';
import { encodeNode } from './queue/node-data.ts';
import { steal, tokenOf } from './queue/token.ts';
import { placeOf } from './queue/view.ts';
import type { View } from './queue/view.ts';
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
  const entered = enter(session, container, request);
  // Nothing after this line keeps the queue that the request saw as it entered: a thousand that wait would keep a thousand.
  return proceed(await session.unlessOut(entered, ({ entry }) => void withdraw(entry)), request);
}

function proceed({ entry, view }: Entered, request: LockRequest): Promise<Outcome> {
  return orWithdraw(
    entry,
    new Promise((resolve) => {
      resolve(outcomeOf(entry, view, request));
    }),
  );
}

async function orWithdraw(entry: Entry, outcome: Promise<Outcome>): Promise<Outcome> {
  try {
    if ((await outcome) === 'taken') await leave(entry);
    return await outcome;
  } catch (error) {
    // Whatever it was, nothing is left behind; if that can't be told to the server, the node goes with the session.
    await withdraw(entry);
    throw error;
  }
}

function withdraw(entry: Entry): Promise<unknown> {
  return leave(entry).then(undefined, () => undefined);
}

function outcomeOf(entry: Entry, view: View, request: LockRequest): Outcome | Promise<Outcome> {
  request.signal.throwIfAborted();
  const asGrant = (token: bigint | undefined): Outcome => granted(entry, token);
  if (request.steal) return steal({ entry, view }, request.client).then(asGrant);
  if (placeOf(entry.name, view).type === 'held') return tokenOf(entry, view, request.client).then(asGrant);
  if (!request.wait) return 'taken';
  request.onContended();
  const turn = waitForTurn(entry, view, request.signal);
  return whenTurned(entry, request.renew ? turn : keptWhile(entry.session.lease, () => turn), request);
}

async function whenTurned(entry: Entry, waiting: Promise<Turn>, { client, mode }: LockRequest): Promise<Outcome> {
  const turn = await waiting;
  if (turn.type === 'gone') return 'again';
  const token = await tokenOf(entry, turn.view, client);
  if (token === entry.czxid && turn.isFollowed && mode === 'semaphore') tellFollowers(entry, client);
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

/** The next semaphore request behind one that waited learns from its data that it holds now; by the view it could not be told. */
function tellFollowers({ session, path }: Entry, client: ClientInfo): void {
  // If the node is gone, they are told by that.
  session.call(setData(path, encodeNode(client, 'held'))).then(undefined, () => undefined);
}
