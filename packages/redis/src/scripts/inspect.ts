import { script } from './script.ts';
import type { Script } from './script.ts';

/**
 * Reads the state of a name, for people.
 *
 * - KEYS: LOCK, TOKEN, HOLDERS, QUEUE (see queue.ts)
 * - Result: `{ LOCK, TOKEN, [entry, '<expiry> <token>', …], [entry, arrival, …], now }`, absent strings as ''
 */
export const inspect: Script = script(`
local state = redis.call('MGET', KEYS[1], KEYS[2])
local time = redis.call('TIME')
return {
  state[1] or '',
  state[2] or '',
  redis.call('HGETALL', KEYS[3]),
  redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES'),
  string.format('%.0f', time[1] * 1000000 + time[2]),
}
`);
