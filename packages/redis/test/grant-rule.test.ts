import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { apply, emptyQueue } from '@holdfast/core/adapter';
import type { LockRequest, QueueEvent, QueueState, RequestMode } from '@holdfast/core/adapter';
import { redis } from '@holdfast/redis';
import type { RedisGrant } from '@holdfast/redis';
import { sharedServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';

type Step =
  | {
      readonly type: 'request';
      readonly mode: RequestMode;
      readonly permits: number;
      readonly wait: boolean;
      readonly steal: boolean;
    }
  | { readonly type: 'leave'; readonly which: number };

const request = fc.record({
  type: fc.constant('request' as const),
  mode: fc.constantFrom<RequestMode>('exclusive', 'shared', 'semaphore'),
  permits: fc.integer({ min: 1, max: 3 }),
  wait: fc.boolean(),
  steal: fc.constant(false),
});
const theft = request.map((step) => ({ ...step, mode: 'exclusive' as const, steal: true }));
const leave = fc.record({ type: fc.constant('leave' as const), which: fc.nat(20) });
const steps = fc.array(
  fc.oneof({ weight: 6, arbitrary: request }, { weight: 5, arbitrary: leave }, { weight: 1, arbitrary: theft }),
  { maxLength: 60, size: 'max' },
);

/** One request in flight: what `acquire` came to, and how to end it. */
interface Ticket {
  readonly id: string;
  readonly abort: AbortController;
  grant: RedisGrant | undefined;
  readonly over: Promise<void>;
}

test('the scripts grant to the same requests in the same order as the pure state machine of core', async () => {
  const { url } = await sharedServer('redis');
  const backend = redis({ url });
  onTestFinished(() => backend.close());

  const enter = async (name: string, step: Step & { type: 'request' }): Promise<Ticket> => {
    const id = randomBytes(16).toString('base64url');
    const abort = new AbortController();
    const { promise, contended } = signalled();
    const { mode, permits, wait, steal } = step;
    const asked: LockRequest = {
      name,
      owner: id,
      mode,
      ttlMs: 60_000,
      wait,
      steal,
      renew: false,
      signal: abort.signal,
      get aborted() {
        return abort.signal.aborted;
      },
      onContended: contended,
      client: { id, host: 'host', pid: 1 },
      ...(mode === 'semaphore' ? { permits } : {}),
    };
    const ticket: Ticket = {
      id,
      abort,
      grant: undefined,
      over: backend.acquire(asked).then(
        (grant) => {
          ticket.grant = grant ?? undefined;
        },
        () => undefined,
      ),
    };
    await Promise.race([ticket.over, promise]);
    return ticket;
  };

  await fc.assert(
    fc.asyncProperty(steps, async (run) => {
      const name = `model ${randomBytes(8).toString('hex')}`;
      const state = emptyQueue();
      const tickets = new Map<string, Ticket>();
      let time = 0;
      for (const step of run) {
        time += 1;
        if (step.type === 'request') {
          const ticket = await enter(name, step);
          tickets.set(ticket.id, ticket);
          apply(state, requestEvent(step, ticket.id, time));
        } else {
          const present = state.entries.map(({ owner }) => owner);
          const id = present[step.which % Math.max(present.length, 1)];
          const ticket = id === undefined ? undefined : tickets.get(id);
          if (ticket === undefined) continue;
          const holds = state.entries.find(({ owner }) => owner === ticket.id)?.token !== undefined;
          // What was granted by message may still be on its way.
          if (holds) await ticket.over;
          else ticket.abort.abort(new Error('left'));
          if (ticket.grant === undefined) await ticket.over;
          else expect(await backend.release(ticket.grant)).toBe('released');
          apply(state, { type: 'leave', owner: ticket.id, time, wallMicros: 0n });
        }
        const shown = await backend.query?.(name);
        expect({
          held: shown?.held.map(({ clientId }) => clientId),
          pending: shown?.pending.map(({ clientId }) => clientId),
        }).toEqual(expected(state));
      }
      for (const ticket of tickets.values()) ticket.abort.abort(new Error('end of the run'));
      for (const ticket of tickets.values()) {
        await ticket.over;
        if (ticket.grant !== undefined) await backend.release(ticket.grant);
      }
      expect(await backend.query?.(name)).toEqual({ held: [], pending: [] });
    }),
    { numRuns: 200 },
  );
}, 60_000);

function requestEvent(
  { mode, permits, wait, steal }: Step & { type: 'request' },
  owner: string,
  time: number,
): QueueEvent {
  const client = { id: owner, host: 'host', pid: 1 };
  return {
    type: 'request',
    owner,
    mode,
    permits: mode === 'semaphore' ? permits : undefined,
    ttlMs: 1e9,
    client,
    wait,
    steal,
    time,
    wallMicros: 0n,
  };
}

/** Holders by token, waiters by place. The model's grants to waiters never expire here: the real ones are confirmed. */
function expected(state: QueueState): { held: string[]; pending: string[] } {
  for (const entry of state.entries) if (entry.token !== undefined) entry.expiresAt = 1e9;
  const held = state.entries.filter(({ token }) => token !== undefined);
  held.sort((a, b) => Number((a.token ?? 0n) - (b.token ?? 0n)));
  return {
    held: held.map(({ owner }) => owner),
    pending: state.entries.filter(({ token }) => token === undefined).map(({ owner }) => owner),
  };
}

function signalled(): { promise: Promise<void>; contended: () => void } {
  let contended: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    contended = resolve;
  });
  return { promise, contended };
}
