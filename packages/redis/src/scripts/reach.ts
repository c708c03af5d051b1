import { script } from './script.ts';
import type { Script } from './script.ts';

/**
 * How many listen, at the master of the slot, to a name's messages for one backend. In a cluster alone.
 *
 * - KEYS: LOCK (see queue.ts)
 * - ARGV[1]: the backend's address
 * - Result: the number
 */
export const reach: Script = script(`
return redis.call('PUBSUB', 'SHARDNUMSUB', KEYS[1] .. ':wake:' .. ARGV[1])[2]
`);
