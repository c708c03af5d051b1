import { script, TOKEN_RETENTION_MS } from './script.ts';
import type { Script } from './script.ts';

/**
 * Proof of life of a holder.
 *
 * - KEYS: LOCK, TOKEN, and for shared and semaphore holders HOLDERS (see queue.ts)
 * - ARGV[1]: the entry; ARGV[2]: ttl in ms
 * - Result: 1 when it holds until a ttl from now; 0 when it no longer holds; -1 when a thief holds instead
 */
export const renew: Script = script(`
local lock = redis.call('GET', KEYS[1])
if lock == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[2] + ${TOKEN_RETENTION_MS})
  return 1
end
if not lock then return 0 end
if string.match(lock, '^x %S+ %S+ %S+ %S+ steal ') then return -1 end
if string.sub(lock, 1, 1) ~= string.upper(string.sub(ARGV[1], 1, 1)) then return 0 end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local expiry, token = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '0 0', '^(%d+) (%d+)')
-- Expired is expired, even if nobody has swept it out yet: somebody may have counted it as gone.
if tonumber(expiry) <= now then return 0 end
local ttl = tonumber(ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f', now + ttl * 1000) .. ' ' .. token)
-- The keys live as long as the last of the holders.
local left = redis.call('PTTL', KEYS[1])
if left <= ttl then
  local latest = math.ceil(now / 1000 + ttl)
  redis.call('PEXPIREAT', KEYS[1], latest)
  redis.call('PEXPIREAT', KEYS[3], latest)
end
redis.call('PEXPIRE', KEYS[2], math.max(left, ttl) + ${TOKEN_RETENTION_MS})
return 1
`);
