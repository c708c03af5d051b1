import fc from 'fast-check';
import { onTestFinished, test, expect } from 'vitest';
import { keysOf } from '../src/keys.ts';
import { acquire, acquireByRule } from '../src/scripts/acquire.ts';
import { release, releaseByRule } from '../src/scripts/release.ts';
import type { Script } from '../src/scripts/script.ts';
import { casts, entriesOf, essence, shapeOf, stateOf, steps } from './histories.ts';
import { onlooker, ownServer } from './traffic.ts';

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
      const entries = entriesOf(cast);
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
          seen.push({ step, reply, messages: essence(messages), state: await stateOf(client, prefix) });
        }
        return seen;
      };
      const short = await play('short', acquire, release);
      expect(short).toEqual(await play('rule', acquireByRule, releaseByRule));
    }),
    { numRuns: 150 },
  );
}, 120_000);
