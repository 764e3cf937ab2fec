-- Takes one of each of several rates, or of none of them, in one atomic step.
--
-- Guarantee: when one rate is used up, none is taken from, so that refused requests do not delay the next one.
--
-- KEYS[i]    for each rate: the time in ms, by the clock of Redis, at which its bucket is empty; gone when it is
-- ARGV[2i-1] the window of each rate in ms
-- ARGV[2i]   the limit of each rate within its window
-- Returns    for each rate, in order: the number that may still come now, and the ms until the next may come, as 0 or more;
--            -1 as the number when this rate was used up
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local result, nexts, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[2 * i - 1])
  local each = window / tonumber(ARGV[2 * i])
  local empty = tonumber(redis.call('GET', key) or '0')
  local nxt = math.max(empty, now) + each
  local room = window - (nxt - now)
  nexts[i] = nxt
  if room < -0.001 then
    refused = true
    result[#result + 1] = -1
    result[#result + 1] = math.ceil(-room)
  else
    local remaining = math.floor((room + 0.001) / each)
    result[#result + 1] = remaining
    result[#result + 1] = remaining > 0 and 0 or math.ceil(each - room)
  end
end
if not refused then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.3f', nexts[i]), 'PX', math.ceil(nexts[i] - now))
  end
end
return result
