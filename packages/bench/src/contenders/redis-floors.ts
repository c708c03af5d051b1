import type { Contender } from '../contender.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import { connected, over } from './redis-client.ts';
import { redisQueues } from './redis-queues.ts';

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

export const redisFloors: readonly Contender[] = [nothing, least, ...redisQueues];
