/**
 * The server's clock, and a token from it: the time in µs, or the number after `previous` if the clock is behind that. Both as strings,
 * made from the strings of TIME where that will do: to format a number costs more than a command.
 */
export const stampLua: string = `
local call = redis.call

local function stamp(previous)
  local time = call('TIME')
  local now = time[1] .. time[2]
  -- TIME does not pad its microseconds.
  if #now ~= 16 then now = string.format('%.0f', time[1] * 1000000 + time[2]) end
  if previous < tonumber(now) then return now, now end
  return string.format('%.0f', previous + 1), now
end
`;
