import { CONFIRM_MS } from '@holdfast/core/adapter';
import { broadcast, sharded } from './publish.ts';
import type { Publish } from './publish.ts';
import { queueLua } from './queue.ts';
import { script, TOKEN_RETENTION_MS } from './script.ts';
import { stampLua } from './stamp.ts';
import type { Script } from './script.ts';

const head = `
${stampLua}
local me = ARGV[1]
local handed = false
`;

/** What most releases meet, served without the whole queue: {@link rule} comes to the same. */
const shortCuts = (publish: Publish): string => `
local last = call('GET', KEYS[2])
if call('GET', KEYS[1]) == me then
  -- Nobody waits: three calls in all. TOKEN stays, for the next grant.
  if not last or tonumber(last) then
    call('DEL', KEYS[1])
    return 1
  end
  -- The first in line wants it for itself alone, and can be reached, and so can the second.
  local first, second = unpack(call('ZRANGE', KEYS[4], 0, 1))
  local owner, ttl, channel = string.match(first or '', '^x (%S+) %d+ (%d+) (%S+)')
  if owner then
    local token, now = stamp(tonumber(string.match(last, '^%d+')))
    local life = math.min(tonumber(ttl), ${CONFIRM_MS})
    local told, at = string.match(second or '', '^%a (%S+) %d+ %d+ (%S+)')
    -- Before the grant: Redis writes first to whom it has something for last (putClientInPendingWriteQueue in networking.c), and
    -- whoever holds next should not have to wait for a processor behind whoever need not do anything yet.
    local isTold = told and ${publish('at', "'first ' .. told .. ' ' .. life")} > 0
    if ${publish('channel', "'granted ' .. owner .. ' ' .. token .. ' ' .. now")} > 0 then
      handed = true
      call('SET', KEYS[1], first, 'PX', life)
      call('ZREM', KEYS[4], first)
      call('SET', KEYS[2], isTold and token .. ' ' .. told or token, 'PX', life + ${TOKEN_RETENTION_MS})
      if isTold then call('PEXPIRE', KEYS[4], life + ${TOKEN_RETENTION_MS}) end
      if isTold or not second then return 1 end
    end
  end
end
`;

const rule = (publish: Publish): string => `
${queueLua(publish)}
local held = 0
local mine = kind and kind ~= 'x' and call('HGET', HOLDERS, me)
if handed then
  held = 1
elseif lock == me then
  held = 1
  free()
elseif mine then
  held = 1
  call('HDEL', HOLDERS, me)
  count = count - 1
  if count == 0 then free() end
elseif call('ZREM', QUEUE, me) == 0 then
  return 0
end
settle(nil)
save()
return held
`;

/** Its text, for what runs it together with others. */
export const releaseLua: string = head + shortCuts(broadcast) + rule(broadcast);

/**
 * Takes a request out, whether it holds or waits, and hands the lock on in the same step.
 *
 * - KEYS: LOCK, TOKEN, HOLDERS, QUEUE (see queue.ts)
 * - ARGV[1]: the entry
 * - Result: 1 when it held, else 0
 */
export const release: Script = script(releaseLua);

/** The same in a cluster. */
export const releaseInCluster: Script = script(head + shortCuts(sharded) + rule(sharded));

/** The same without short cuts, for a test to compare. */
export const releaseByRule: Script = script(head + rule(broadcast));
