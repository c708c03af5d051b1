import { CONFIRM_MS } from '@holdfast/core/adapter';
import type { Publish } from './publish.ts';
import { TOKEN_RETENTION_MS } from './script.ts';

/**
 * The state of one name, as the scripts share it. Four keys, all in one hash slot:
 *
 * | key | type | value |
 * |---|---|---|
 * | KEYS[1] LOCK | string | who holds, and exists only while somebody does: the entry of an exclusive holder; for shared and semaphore holders `S` or `P` and a lower bound on their first expiry |
 * | KEYS[2] TOKEN | string | the last token; then, while anybody waits, a blank and the owner of the waiter that was told it is first |
 * | KEYS[3] HOLDERS | hash | shared and semaphore holders: entry → `<expiry> <token>` |
 * | KEYS[4] QUEUE | sorted set | waiters: entry by order of arrival |
 *
 * Times are µs of the server's clock. An entry describes a request and is the same for its whole life:
 * `<kind> <owner> <permits> <ttl> <channel> <how> <pid> <client id> <host>`, kind `x`, `s` or `p` (see entry.ts).
 *
 * This text follows a script's own first lines, which have served the common case, and named `call`.
 */
export const queueLua = (publish: Publish): string => `
local LOCK, TOKEN, HOLDERS, QUEUE = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local state = call('MGET', LOCK, TOKEN)
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local lock = state[1]
local last, told = string.match(state[2] or '0', '^(%d+) ?(.*)$')
last = tonumber(last)
if told == '' then told = nil end

-- Those that hold: all of one kind, as the grant rule wants it. \`latest\` is their last expiry in ms, rounded up.
local kind, count, soonest, latest = nil, 0, nil, 0
local swept = false

local function int(number) return string.format('%.0f', number) end

local function parse(entry)
  local k, owner, permits, ttl, channel = string.match(entry, '^(%a) (%S+) (%d+) (%d+) (%S+)')
  return k, owner, tonumber(permits), tonumber(ttl), channel
end

local function free()
  call('DEL', LOCK, HOLDERS)
  kind, count, soonest, latest = nil, 0, nil, 0
end

local function sweep()
  swept = true
  soonest = nil
  local all = call('HGETALL', HOLDERS)
  for i = 1, #all, 2 do
    local expiry = tonumber(string.match(all[i + 1], '^%d+'))
    if expiry <= now then call('HDEL', HOLDERS, all[i])
    elseif not soonest or expiry < soonest then soonest = expiry end
  end
end

local function load()
  if not lock then return end
  kind = string.lower(string.sub(lock, 1, 1))
  if kind == 'x' then count = 1 return end
  soonest = tonumber(string.sub(lock, 2))
  if soonest <= now then sweep() end
  count = call('HLEN', HOLDERS)
  if count == 0 then free() return end
  latest = math.ceil(now / 1000) + call('PTTL', LOCK)
end

-- packages/core/src/grant-rule.ts, for the first in the queue.
local function fits(k, permits)
  return not kind or (kind == k and (k == 's' or (k == 'p' and count < permits)))
end

local function hold(entry, k, ms, token)
  last = token
  if k == 'x' then
    call('SET', LOCK, entry, 'PX', ms)
  else
    if not kind then call('DEL', HOLDERS) end
    local expiry = now + ms * 1000
    call('HSET', HOLDERS, entry, int(expiry) .. ' ' .. int(token))
    soonest = math.min(soonest or expiry, expiry)
    latest = math.max(latest, math.ceil(expiry / 1000))
  end
  kind, count = k, count + 1
end

-- In how many ms somebody who holds must have renewed.
local function untilExpiry()
  if kind == 'x' then return call('PTTL', LOCK) end
  return math.ceil((soonest - now) / 1000)
end

-- Grants to whoever is first, as long as the rule allows, and tells the next one that it is first: from then on that one
-- watches the holder's expiry. \`self\` is alive and learns by the script's answer; the others by message. A waiter whose
-- process nobody can reach any more (PUBLISH: 0) is passed over; one that only seems alive has ${CONFIRM_MS} ms to renew.
local function settle(self)
  local granted
  while true do
    local entry = call('ZRANGE', QUEUE, 0, 0)[1]
    if not entry then told = nil return granted end
    local k, owner, permits, ttl, channel = parse(entry)
    if fits(k, permits) then
      local token = math.max(last + 1, now)
      if entry == self then
        granted = token
        hold(entry, k, ttl, token)
      elseif ${publish('channel', "'granted ' .. owner .. ' ' .. int(token) .. ' ' .. int(now)")} > 0 then
        hold(entry, k, math.min(ttl, ${CONFIRM_MS}), token)
      end
      call('ZREM', QUEUE, entry)
    elseif entry == self or owner == told or ${publish('channel', "'first ' .. owner .. ' ' .. untilExpiry()")} > 0 then
      told = owner
      return granted
    else
      call('ZREM', QUEUE, entry)
    end
  end
end

-- Every key outlives the last holder; what nobody comes back to expires by itself.
local function save()
  if kind == 's' or kind == 'p' then
    call('SET', LOCK, string.upper(kind) .. int(soonest))
    call('PEXPIREAT', LOCK, latest)
    call('PEXPIREAT', HOLDERS, latest)
  end
  local life = math.max(call('PTTL', LOCK), 0) + ${TOKEN_RETENTION_MS}
  call('SET', TOKEN, told and (int(last) .. ' ' .. told) or int(last), 'PX', life)
  if told then call('PEXPIRE', QUEUE, life) end
end

load()
`;
