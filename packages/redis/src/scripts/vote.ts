import { acquireLua } from './acquire.ts';
import { script } from './script.ts';
import type { Script } from './script.ts';

/**
 * The member's memory. `run_id` is new at each start (https://redis.io/docs/latest/commands/info/), so a server that came back shows, with its data or
 * without; the key is gone when the database was emptied. Either way a vote may have been forgotten.
 */
const memoryLua = `
local quarantine = tonumber(ARGV[4])
if quarantine > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local known, since = string.match(redis.call('GET', KEYS[5]) or '', '^(%x+) (%d+)$')
  if known ~= run then
    since = now
    redis.call('SET', KEYS[5], run .. ' ' .. string.format('%.0f', now))
  end
  local left = since + quarantine - now
  if left > 0 then return { string.format('%.0f', left) } end
end
`;

/**
 * Never far ahead of this server's clock, from which tokens go on when the last one is forgotten: the clock must have passed it before this
 * server votes again.
 */
const AHEAD_MICROS = 1_000_000;

const proposalLua = `
local token = try()
if not token or tonumber(token) >= tonumber(ARGV[5]) then return token end
local now = redis.call('TIME')
local ahead = quarantine > 0 and math.min(quarantine * 500, ${AHEAD_MICROS}) or ${AHEAD_MICROS}
if tonumber(ARGV[5]) > now[1] * 1000000 + now[2] + ahead then return token end
local told = string.match(redis.call('GET', KEYS[2]), '^%d+(.*)$')
redis.call('SET', KEYS[2], ARGV[5] .. told, 'KEEPTTL')
return ARGV[5]
`;

/**
 * A try that counts as a vote in a quorum.
 *
 * - KEYS: LOCK, TOKEN, HOLDERS, QUEUE (see queue.ts), MEMBER: `<run id> <since when it is known, in ms>`
 * - ARGV[1]: the entry; ARGV[2]: ttl in ms; ARGV[3]: `try`; ARGV[4]: for how long a server may not vote after it was started or emptied, in ms; ARGV[5]: the token to grant with, if it is greater than this server's
 * - Result: the token, when granted; `false` (null), when refused; `{ left }`: it may not vote for so many ms
 */
export const vote: Script = script(`
${memoryLua}
local function try()
${acquireLua}
end
${proposalLua}`);
