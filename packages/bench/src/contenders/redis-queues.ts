import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Contender } from '../contender.ts';
import { connected } from './redis-client.ts';

/** Takes it if it is free, else waits in line. */
const ENTER = `if redis.call('SET', KEYS[1], '1', 'NX') then return 1 end redis.call('RPUSH', KEYS[2], ARGV[1]) return 0`;
const HAND_OVER = `
local next = redis.call('LPOP', KEYS[2])
if not next then return redis.call('DEL', KEYS[1]) end
local channel, ticket = string.match(next, '(%S+) (%S+)')
redis.call('PUBLISH', channel, ticket)`;

/** The same where the hold has an owner, an end and a token that grows over a failover, and who comes next is told to watch over it. */
const ENTER_SAFELY = `
if redis.call('EXISTS', KEYS[2]) == 1 or not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ${DEFAULT_TTL_MS}) then
  redis.call('RPUSH', KEYS[2], ARGV[1])
  return 0
end
local time = redis.call('TIME')
redis.call('SET', KEYS[3], time[1] .. time[2], 'PX', 3600000)
return 1`;
const HAND_OVER_SAFELY = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local next, second = unpack(redis.call('LRANGE', KEYS[2], 0, 1))
if not next then return redis.call('DEL', KEYS[1]) end
local time = redis.call('TIME')
local token = time[1] .. time[2]
if second then redis.call('PUBLISH', string.match(second, '(%S+)'), 'first') end
local channel, ticket = string.match(next, '(%S+) (%S+)')
if redis.call('PUBLISH', channel, ticket .. ' ' .. token) == 0 then return 0 end
redis.call('SET', KEYS[1], next, 'PX', 2000)
redis.call('LPOP', KEYS[2])
redis.call('SET', KEYS[3], token, 'PX', 3600000)
return 1`;

function queue(name: string, enter: string, handOver: string): Contender {
  return {
    name,
    role: 'floor',
    only: ['contention', 'hand-over'],
    async open(url) {
      const [redis, messages] = [await connected(url), await connected(url)];
      const [enterSha, handOverSha] = [
        String(await redis.script('LOAD', enter)),
        String(await redis.script('LOAD', handOver)),
      ];
      const channel = `bench:${process.pid}:${Math.random()}`;
      const turns = new Map<string, () => void>();
      await messages.subscribe(channel);
      messages.on('message', (_channel, message: string) => {
        const [ticket = ''] = message.split(' ');
        turns.get(ticket)?.();
        turns.delete(ticket);
      });
      let tickets = 0;
      return {
        async acquire(lock) {
          const keys = [`least:{${lock}}`, `least:{${lock}}:queue`, `least:{${lock}}:token`];
          const ticket = String((tickets += 1));
          const entry = `${channel} ${ticket}`;
          const turn = new Promise<void>((resolve) => turns.set(ticket, resolve));
          if ((await redis.evalsha(enterSha, 3, ...keys, entry)) === 0) await turn;
          else turns.delete(ticket);
          return () => redis.evalsha(handOverSha, 3, ...keys, entry);
        },
        close: () => Promise.all([redis.quit(), messages.quit()]),
      };
    },
  };
}

export const redisQueues: readonly Contender[] = [
  // The least that is first in, first out: no owner, no token, and if one client dies, all wait forever.
  queue('a list and PUBLISH', ENTER, HAND_OVER),
  queue('a list and PUBLISH with owners and tokens', ENTER_SAFELY, HAND_OVER_SAFELY),
];
