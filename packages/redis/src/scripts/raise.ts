import { script, TOKEN_RETENTION_MS } from './script.ts';
import type { Script } from './script.ts';

/**
 * Makes the next token of a name greater than one that other servers have given out.
 *
 * - KEYS: LOCK, TOKEN (see queue.ts)
 * - ARGV[1]: the entry that holds LOCK; ARGV[2]: the token
 * - Result: 1; 0, and nothing done, when it does not hold
 */
export const raise: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local state = redis.call('GET', KEYS[2])
local last, told = string.match(state or '0', '^(%d+)(.*)$')
if tonumber(last) >= tonumber(ARGV[2]) then return 1 end
local life = redis.call('PTTL', KEYS[1]) + ${TOKEN_RETENTION_MS}
redis.call('SET', KEYS[2], ARGV[2] .. told, 'PX', life)
return 1
`);
