import { queueLua } from './queue.ts';
import { broadcast, sharded } from './publish.ts';
import type { Publish } from './publish.ts';
import { stampLua } from './stamp.ts';
import { script, TOKEN_RETENTION_MS } from './script.ts';
import type { Script } from './script.ts';

const head = `
${stampLua}
local me, ttl, how = ARGV[1], ARGV[2], ARGV[3]
local last = call('GET', KEYS[2])
`;

/** What most requests meet, served without the whole queue: in both cases {@link rule} comes to the same. */
const shortCuts = `
-- Free, and nobody waits (TOKEN is a bare number, or absent): four calls in all.
local previous = not last and 0 or tonumber(last)
if previous and string.byte(me) == 120 and call('SET', KEYS[1], me, 'NX', 'PX', ttl) then
  local token = stamp(previous)
  call('SET', KEYS[2], token, 'PX', ttl + ${TOKEN_RETENTION_MS})
  return token
end

-- Behind an exclusive holder: whoever is first in line watches it.
local lock = how == 'wait' and last and call('GET', KEYS[1])
if lock and lock ~= me and string.byte(lock) == 120 then
  local tail = call('ZRANGE', KEYS[4], -1, -1, 'WITHSCORES')[2]
  local left = call('PTTL', KEYS[1])
  if not tail then
    local told = string.match(last, '^%d+') .. ' ' .. string.match(me, '^%a (%S+)')
    call('SET', KEYS[2], told, 'PX', left + ${TOKEN_RETENTION_MS})
  end
  if not tail or not previous then
    local _, now = stamp(0)
    local score = tail and tonumber(tail) >= tonumber(now) and string.format('%.0f', tail + 1) or now
    -- Who asks again keeps its place.
    call('ZADD', KEYS[4], 'NX', score, me)
    call('PEXPIRE', KEYS[4], left + ${TOKEN_RETENTION_MS})
    return { call('ZRANK', KEYS[4], me), left, now }
  end
end
`;

const rule = (publish: Publish): string => `
${queueLua(publish)}
local k, owner, permits = parse(me)
ttl = tonumber(ttl)

if lock == me then
  if last == 0 then last = now end
  call('PEXPIRE', LOCK, ttl)
  save()
  return int(last)
end

local mine = kind == k and call('HGET', HOLDERS, me)
if mine then
  local token = string.match(mine, ' (%d+)$')
  local expiry = now + ttl * 1000
  call('HSET', HOLDERS, me, int(expiry) .. ' ' .. token)
  latest = math.max(latest, math.ceil(expiry / 1000))
  save()
  return token
end

if how == 'steal' then
  local holders = kind == 'x' and { lock } or kind and call('HKEYS', HOLDERS) or {}
  for _, entry in ipairs(holders) do
    local _, robbed, _, _, channel = parse(entry)
    ${publish('channel', "'stolen ' .. robbed")}
  end
  free()
  hold(me, k, ttl, math.max(last + 1, now))
  local token = int(last)
  -- Whoever is first watches the expiry of holders that are gone; the thief's may come sooner.
  told = nil
  settle(nil)
  save()
  return token
end

if not call('ZSCORE', QUEUE, me) then
  -- Whoever does not fit beside the holders is refused by them, whoever else may wait.
  if how == 'try' and not fits(k, permits) then
    if swept then save() end
    return false
  end
  local tail = call('ZRANGE', QUEUE, -1, -1, 'WITHSCORES')[2]
  call('ZADD', QUEUE, int(math.max(now, tail and tail + 1 or 0)), me)
end

local token = settle(me)
if token then
  save()
  return int(token)
end
if how == 'try' then
  call('ZREM', QUEUE, me)
  -- Somebody else is first then, if anybody waits at all.
  if told == owner then settle(nil) end
  save()
  return false
end
save()
return { int(call('ZRANK', QUEUE, me)), int(untilExpiry()), int(now) }
`;

/**
 * Enters the queue. Safe to repeat with the same entry: a holder is renewed and gets its token again, a waiter keeps its
 * place, and both may find that they were passed over, in which case they enter anew.
 *
 * - KEYS: LOCK, TOKEN, HOLDERS, QUEUE (see queue.ts)
 * - ARGV[1]: the entry; ARGV[2]: ttl in ms; ARGV[3]: `wait`, `try` (leaves no trace when refused) or `steal`
 * - Result: the token, when granted; `false` (null), when refused; else `{ place, untilExpiry, now }`: how many wait ahead, in how many ms a holder's time is up, and the server's clock in µs
 */
export const acquire: Script = script(head + shortCuts + rule(broadcast));

/** Whether the result is a token: it holds. */
export function isToken(result: unknown): boolean {
  return result !== null && !Array.isArray(result);
}

/** The same in a cluster. */
export const acquireInCluster: Script = script(head + shortCuts + rule(sharded));

/** Its text, for what comes with a condition before it. */
export const acquireLua: string = head + shortCuts + rule(broadcast);

/** The same without short cuts, for a test to compare. */
export const acquireByRule: Script = script(head + rule(broadcast));
