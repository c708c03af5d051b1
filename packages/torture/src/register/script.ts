/**
 * One access to a register, fenced or not; the compare and the write are one step of the server.
 *
 * KEYS  1 greatest token seen (fenced only)  2 value  3 log
 * ARGV  1 `fenced` or `unfenced`  2 `read` or `write`  3 token, 19 digits  4 op  5 value read before  6 value to write  7 name
 * Result: { 1 if accepted else 0, value afterwards, index in the log }
 *
 * A read raises the fence as well. Otherwise an old holder could still write between the read and the write of the new one,
 * and the new one would overwrite that unseen. Tokens are compared as text: a Lua number has only 53 bits.
 */
export const access = `
local value = tonumber(redis.call('GET', KEYS[2]) or '0')
local accepted = 1
if ARGV[1] == 'fenced' then
  if (redis.call('GET', KEYS[1]) or '') > ARGV[3] then accepted = 0
  else redis.call('SET', KEYS[1], ARGV[3]) end
end
local base = value
if ARGV[2] == 'write' then
  base = tonumber(ARGV[5])
  if accepted == 1 then
    value = tonumber(ARGV[6])
    redis.call('SET', KEYS[2], value)
  end
end
local entry = cjson.encode({ name = ARGV[7], register = ARGV[1], action = ARGV[2], token = ARGV[3], op = ARGV[4],
  base = base, value = ARGV[2] == 'write' and tonumber(ARGV[6]) or value, accepted = accepted == 1 })
return { accepted, value, redis.call('RPUSH', KEYS[3], entry) - 1 }
`;
