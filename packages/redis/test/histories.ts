import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { keysOf } from '../src/keys.ts';

/** Who can be reached by messages, and a client that died. */
const channels = ['here', 'there', 'dead'] as const;
const OWNERS = 6;

export const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('acquire' as const),
        who: fc.nat(OWNERS - 1),
        how: fc.constantFrom('wait' as const, 'wait' as const, 'wait' as const, 'try' as const),
      }),
    },
    { weight: 5, arbitrary: fc.record({ type: fc.constant('release' as const), who: fc.nat(OWNERS - 1) }) },
    // The lock's key expires, or the server forgets the queue.
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('lose' as const), key: fc.constantFrom(0 as const, 3 as const) }),
    },
  ),
  { maxLength: 40, size: 'max' },
);
/** Each owner is always of one kind and one client. */
export const casts = fc.array(
  fc.record({
    kind: fc.constantFrom('x 0', 'x 0', 'x 0', 's 0', 'p 2'),
    channel: fc.constantFrom(...channels, 'here', 'there'),
  }),
  { minLength: OWNERS, maxLength: OWNERS },
);

export type Cast = readonly { readonly kind: string; readonly channel: string }[];

/** As the server keeps the requests of each. */
export function entriesOf(cast: Cast): string[] {
  return cast.map(({ kind, channel }, owner) => {
    const [letter, permits] = kind.split(' ');
    return `${letter} owner-${owner} ${permits} 60000 ${channel} - 1 client host`;
  });
}

/** A token is the time, a time until an expiry depends on the moment: what is compared is of which kind an answer is. */
export function shapeOf(reply: unknown): unknown {
  if (Array.isArray(reply)) return { place: Number(reply[0]), watches: Number(reply[1]) > 0 };
  return typeof reply === 'string' ? 'token' : reply;
}

function withoutTimes(message: string): string {
  return message.replace(/ \d+/g, ' n');
}

/** Who is told that it is first and is granted the lock in the same step need not have been told, and the order of two clients' messages is free. */
export function essence(messages: readonly string[]): string[] {
  const seen = messages.map(withoutTimes);
  return seen.filter((message) => !seen.includes(`${message.replace(': first ', ': granted ')} n`)).sort();
}

export async function stateOf(client: Redis, prefix: string): Promise<unknown> {
  const [lock = '', token = '', holders = '', queue = ''] = keysOf(prefix, 'lock');
  const [held, last, sharing, waiting, life] = await Promise.all([
    client.get(lock),
    client.get(token),
    client.hkeys(holders),
    client.zrange(queue, '0', '-1'),
    client.pttl(queue),
  ]);
  return {
    held: held?.replace(/^([SP])\d+$/, '$1'),
    told: last?.replace(/^\d+/, 'n'),
    // What is left of shared holders means nothing while the lock is not shared.
    sharing: /^[SP]/.test(held ?? '') ? sharing.sort() : [],
    waiting,
    expires: waiting.length === 0 || life > 0,
  };
}
