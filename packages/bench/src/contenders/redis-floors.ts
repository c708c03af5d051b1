import type { Contender } from '../contender.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import { connected, over } from './redis-client.ts';

/** As long as what Holdfast sends of a request: who asks, for how long, and from where. */
const ENTRY = `x ${'o'.repeat(36)} 1 ${DEFAULT_TTL_MS} holdfast:wake:${'c'.repeat(22)} wait 12345 ${'i'.repeat(36)} host`;

const keysOf = (name: string): string[] => {
  const lock = `holdfast:{${name}}`;
  return [lock, `${lock}:token`, `${lock}:holders`, `${lock}:queue`];
};

function scripts(name: string, acquire: string, release: string): Contender {
  return {
    name,
    role: 'floor',
    only: ['latency', 'throughput'],
    async open(url) {
      const redis = await connected(url);
      const [acquireSha, releaseSha] = [
        String(await redis.script('LOAD', acquire)),
        String(await redis.script('LOAD', release)),
      ];
      return over(redis, async (lock) => {
        const keys = keysOf(lock);
        await redis.evalsha(acquireSha, 4, ...keys, ENTRY, String(DEFAULT_TTL_MS), 'wait');
        return () => redis.evalsha(releaseSha, 4, ...keys, ENTRY);
      });
    },
  };
}

/** What two scripts cost before they do anything. */
const nothing = scripts('two scripts that do nothing', 'return 1', 'return 1');

/**
 * The least that a lock can do which has a queue, and a token that grows over its own release, a flush and a failover: the clock is asked, and the
 * token kept apart from the hold, which expires. It is not even compared with the one before.
 */
const least = scripts(
  'the least scripts with a token and a queue',
  `
if redis.call('EXISTS', KEYS[4]) == 1 or not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local time = redis.call('TIME')
local token = time[1] .. time[2]
redis.call('SET', KEYS[2], token, 'PX', 3600000)
return token`,
  `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return redis.call('EXISTS', KEYS[4])`,
);

/** Takes it if it is free, else waits in line. */
const ENTER = `if redis.call('SET', KEYS[1], '1', 'NX') then return 1 end redis.call('RPUSH', KEYS[2], ARGV[1]) return 0`;
const HAND_OVER = `
local next = redis.call('LPOP', KEYS[2])
if not next then return redis.call('DEL', KEYS[1]) end
local channel, ticket = string.match(next, '(%S+) (%S+)')
redis.call('PUBLISH', channel, ticket)`;

/**
 * The least that is first in, first out: a list, and a message to whose turn it is. No owner, no token, and if one client dies, all
 * wait forever.
 */
const leastQueue: Contender = {
  name: 'a list and PUBLISH',
  role: 'floor',
  only: ['contention', 'hand-over'],
  async open(url) {
    const [redis, messages] = [await connected(url), await connected(url)];
    const [enter, handOver] = [
      String(await redis.script('LOAD', ENTER)),
      String(await redis.script('LOAD', HAND_OVER)),
    ];
    const channel = `bench:${process.pid}:${Math.random()}`;
    const turns = new Map<string, () => void>();
    await messages.subscribe(channel);
    messages.on('message', (_channel, ticket: string) => {
      turns.get(ticket)?.();
      turns.delete(ticket);
    });
    let tickets = 0;
    return {
      async acquire(name) {
        const keys = [`least:{${name}}`, `least:{${name}}:queue`];
        const ticket = String((tickets += 1));
        const turn = new Promise<void>((resolve) => turns.set(ticket, resolve));
        if ((await redis.evalsha(enter, 2, ...keys, `${channel} ${ticket}`)) === 0) await turn;
        else turns.delete(ticket);
        return () => redis.evalsha(handOver, 2, ...keys);
      },
      close: () => Promise.all([redis.quit(), messages.quit()]),
    };
  },
};

export const redisFloors: readonly Contender[] = [nothing, least, leastQueue];
