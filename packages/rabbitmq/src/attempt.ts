import { Lease, monotonicMs } from '@holdfast/core/adapter';
import type { LockRequest } from '@holdfast/core/adapter';
import type { RabbitmqGrant } from './backend.ts';
import type { Connections } from './connections.ts';
import { Consumer } from './consumer.ts';
import type { Proof } from './consumer.ts';
import { DisconnectedError, isQueueGone, NoAnswerError } from './errors.ts';
import { validityMs } from './heartbeat.ts';
import type { Lane } from './lane.ts';
import type { ResolvedOptions } from './options.ts';
import { Place } from './place.ts';
import type { Queues } from './queue.ts';
import { activation } from './activation.ts';
import { within } from './within.ts';

export interface AttemptContext {
  readonly connections: Connections;
  readonly queues: Queues;
  readonly options: ResolvedOptions;
}

export interface Attempt {
  readonly request: LockRequest;
  readonly queue: string;
  /** It stands in line: the broker serves us. */
  readonly onQueued: () => void;
}

/** One passage of a request through the queue, on one channel. */
export async function attempt(context: AttemptContext, given: Attempt): Promise<RabbitmqGrant | null> {
  const { connections, queues, options } = context;
  const { request, queue } = given;
  const leased = await connections.lease(request.ttlMs);
  const { lane, connection } = leased;
  const place = new Place(connections, leased, new Consumer(lane, queue));
  try {
    await queues.prepare(lane, queue);
    if (!(await isNext(place.consumer, lane, context, given))) {
      await place.leave(options.patienceMs);
      request.signal.throwIfAborted();
      return null;
    }
    const validMs = validityMs(request.ttlMs, connection.heartbeat);
    const proof = await fresh(
      place.consumer,
      await place.consumer.take(options.patienceMs),
      validMs,
      options.patienceMs,
    );
    return { ...grant(request, place, validMs, proof), queue };
  } catch (error) {
    place.abandon();
    if (isQueueGone(error)) queues.doubt(queue);
    if (error instanceof NoAnswerError && connection.blocked !== undefined) {
      throw new NoAnswerError(`${error.message}: the broker takes no messages (alarm: ${connection.blocked})`);
    }
    throw error;
  }
}

/** Gets in line and waits until it is the request's turn. `false`: it was aborted, or must not wait. */
async function isNext(
  consumer: Consumer,
  lane: Lane,
  { queues }: AttemptContext,
  { request, queue, onQueued }: Attempt,
): Promise<boolean> {
  await consumer.start();
  onQueued();
  if (consumer.isActive) return true;
  // The first message comes right behind the consumer's registration, so before the answer to anything that is asked after it.
  await Promise.race([lane.check(queue), new Promise<void>((resolve) => (consumer.onActive = resolve))]);
  if (consumer.isActive) return true;
  if (!request.wait) {
    // There may be no message at all: it is declared anew next time, and woken if so.
    queues.doubt(queue);
    return false;
  }
  request.onContended();
  return await activation(consumer, lane, queue, request.signal);
}

/** On a slow network, whose round trips use up the proof before the grant is handed over: another one, of a single round trip. */
async function fresh(consumer: Consumer, proof: Proof, validMs: number, patienceMs: number): Promise<Proof> {
  const startedAt = monotonicMs();
  if (startedAt - proof.startedAt < validMs / 3) return proof;
  await within(consumer.renew(), patienceMs);
  return { epoch: proof.epoch, startedAt };
}

function grant(request: LockRequest, place: Place, validMs: number, proof: Proof): Omit<RabbitmqGrant, 'queue'> {
  const { consumer } = place;
  const lease = new Lease({
    ttlMs: validMs,
    provedAt: proof.startedAt,
    auto: request.renew,
    renew: async () => {
      await consumer.renew();
      return 'renewed';
    },
  });
  // A hold that is over must not keep others out, though its connection lives on.
  lease.observe(({ type }) => type === 'lost' && place.abandon());
  const lose = (error: Error): void =>
    lease.lose(error instanceof DisconnectedError ? 'disconnected' : 'expired', error);
  if (consumer.over === undefined) consumer.onOver = lose;
  else lose(consumer.over);
  return { fencingToken: proof.epoch, lease, place };
}
