import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { onTestFinished, test, expect } from 'vitest';
import { keysOf } from '../src/keys.ts';
import { acquire, acquireByRule } from '../src/scripts/acquire.ts';
import { release, releaseByRule } from '../src/scripts/release.ts';
import type { Script } from '../src/scripts/script.ts';
import { onlooker, ownServer } from './traffic.ts';

/** Who can be reached by messages, and a client that died. */
const channels = ['here', 'there', 'dead'] as const;
const OWNERS = 6;

const steps = fc.array(
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
const casts = fc.array(
  fc.record({
    kind: fc.constantFrom('x 0', 'x 0', 'x 0', 's 0', 'p 2'),
    channel: fc.constantFrom(...channels, 'here', 'there'),
  }),
  { minLength: OWNERS, maxLength: OWNERS },
);

test('the short cuts of the scripts come to the same as their rule', async () => {
  const { url } = await ownServer();
  const client = onlooker(url);
  const listener = onlooker(url);
  const messages: string[] = [];
  await listener.subscribe('here', 'there');
  listener.on('message', (channel: string, text: string) => messages.push(`${channel}: ${text}`));
  onTestFinished(() => listener.disconnect());

  const run = async (script: Script, prefix: string, args: string[]): Promise<unknown> => {
    const keys = keysOf(prefix, 'lock');
    return shapeOf(await client.eval(script.lua, keys.length, ...keys, ...args));
  };

  await fc.assert(
    fc.asyncProperty(casts, steps, async (cast, script) => {
      await client.flushall();
      const entries = cast.map(({ kind, channel }, owner) => {
        const [letter, permits] = kind.split(' ');
        return `${letter} owner-${owner} ${permits} 60000 ${channel} - 1 client host`;
      });
      const play = async (prefix: string, enter: Script, leave: Script): Promise<unknown[]> => {
        const seen: unknown[] = [];
        for (const step of script) {
          messages.length = 0;
          let reply: unknown;
          if (step.type === 'lose') reply = await client.del(keysOf(prefix, 'lock')[step.key] as string);
          else if (step.type === 'release') reply = await run(leave, prefix, [entries[step.who] as string]);
          else reply = await run(enter, prefix, [entries[step.who] as string, '60000', step.how]);
          // The listener's own answer comes after all messages that were sent before.
          await listener.ping();
          seen.push({ step, reply, messages: messages.map(withoutTimes), state: await stateOf(client, prefix) });
        }
        return seen;
      };
      const short = await play('short', acquire, release);
      expect(short).toEqual(await play('rule', acquireByRule, releaseByRule));
    }),
    { numRuns: 150 },
  );
}, 120_000);

/** A token is the time, a time until an expiry depends on the moment: what is compared is of which kind an answer is. */
function shapeOf(reply: unknown): unknown {
  if (Array.isArray(reply)) return { place: Number(reply[0]), watches: Number(reply[1]) > 0 };
  return typeof reply === 'string' ? 'token' : reply;
}

function withoutTimes(message: string): string {
  return message.replace(/ \d+/g, ' n');
}

async function stateOf(client: Redis, prefix: string): Promise<unknown> {
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
