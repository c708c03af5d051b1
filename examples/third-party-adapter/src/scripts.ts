/**
 * What the server runs, each in one step. KEYS[1] is the lock, its value the owner of the request that holds it; KEYS[2] is the last
 * token. The server's clock is the only one that is read.
 */

/**
 * ARGV: owner, ttl in ms. The token, or nil if somebody else holds. Safe to send again: who holds already gets the same token.
 *
 * The token is the server's time in µs, or the last one plus one if that is more: so it grows on when the key is lost, too. It is kept
 * for a day, in case the clock is set back.
 */
export const ACQUIRE = `
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return redis.call('GET', KEYS[2])
end
if holder then return nil end
local now = redis.call('TIME')
local token = math.max(tonumber(now[1]) * 1000000 + tonumber(now[2]), tonumber(redis.call('GET', KEYS[2]) or 0) + 1)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], string.format('%.0f', token), 'PX', ARGV[2] + 86400000)
return redis.call('GET', KEYS[2])`;

/** ARGV: owner, ttl in ms. 1 if it holds. */
export const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** ARGV: owner. 1 if it held. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;
