import { queueLua } from './queue.ts';
import { script } from './script.ts';
import type { Script } from './script.ts';

/**
 * Takes a request out, whether it holds or waits, and hands the lock on in the same step.
 *
 * - KEYS: LOCK, TOKEN, HOLDERS, QUEUE (see queue.ts)
 * - ARGV[1]: the entry
 * - Result: 1 when it held, else 0
 */
export const release: Script = script(`
local call = redis.call
local me = ARGV[1]

-- Nobody waits: three calls in all. TOKEN stays, for the next grant.
if call('GET', KEYS[1]) == me and tonumber(call('GET', KEYS[2]) or 0) then
  call('DEL', KEYS[1])
  return 1
end
${queueLua}
local held = 0
local mine = kind and kind ~= 'x' and call('HGET', HOLDERS, me)
if lock == me then
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
`);
