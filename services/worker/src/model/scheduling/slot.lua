-- The slots of one model server, shared by all workers, and the queue of tickets that wait for one: take, keep or free a
-- slot.
-- Guarantee: never more holders than the limits allow, as far as this Redis remembers them. The next slot goes to the user who
-- holds fewest, then to the ticket that came first; but no ticket waits for a slot that only others could use (because of
-- another model's limit). At a server that loads one model at a time, tickets for the loaded model go first, until one for
-- another model has waited for `turn`. A holder or waiter that does not renew in time is removed, so that a dead worker holds
-- nothing for long. Times are by the clock of Redis. `queue-order.ts` decides the same without Redis.
-- A ticket is `user/id`. Workers of an earlier version have tickets without a user, and expect first come, first served: while
-- one of them waits, this order holds for all, or the two versions would wait for each other.
-- KEYS[1]  holders: a sorted set of tickets by the end of their lease (ms)
-- KEYS[2]  line: a sorted set of waiting tickets by their arrival (us)
-- KEYS[3]  waiters: a sorted set of the same tickets by the time at which they are removed (ms)
-- KEYS[4]  models: a hash of every ticket's model
-- KEYS[5]  loaded: a hash of the loaded model (`model`), and since when (`since`) and until when (`used`) it was in use (us)
-- ARGV[1]  take | keep | free
-- ARGV[2]  the ticket
-- ARGV[3]  its model
-- ARGV[4]  limit of holders at this server, 0 for none
-- ARGV[5]  limit of holders of one model, 0 for none
-- ARGV[6]  lease in ms
-- ARGV[7]  time in ms after which a silent waiter is removed
-- ARGV[8]  `turn` in ms at a server that loads one model at a time, else 0
-- ARGV[9]  time in ms for which such a server's model stays reserved after its last holder: a turn asks again after its tools
-- Returns  0 when the ticket holds a slot (or was freed), else its position in the queue, counted from 1
local holders, line, waiters, models, loaded = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local verb, ticket, model = ARGV[1], ARGV[2], ARGV[3]
local at_server, at_model = tonumber(ARGV[4]), tonumber(ARGV[5])
local lease, waitMs = tonumber(ARGV[6]), tonumber(ARGV[7])
local turn, linger = tonumber(ARGV[8]) * 1000, tonumber(ARGV[9]) * 1000
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)

local function expire()
  -- An unused queue expires.
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, (lease + waitMs) * 10) end
end

local function leave_line(gone)
  redis.call('ZREM', line, gone)
  redis.call('ZREM', waiters, gone)
end

local function hold()
  leave_line(ticket)
  redis.call('ZADD', holders, now + lease, ticket)
  redis.call('HSET', models, ticket, model)
  if turn > 0 then
    if redis.call('HGET', loaded, 'model') ~= model then redis.call('HSET', loaded, 'model', model, 'since', us) end
    redis.call('HSET', loaded, 'used', us)
  end
  expire()
  return 0
end

if verb == 'free' then
  leave_line(ticket)
  if redis.call('ZREM', holders, ticket) == 1 and redis.call('HGET', loaded, 'model') == model then
    redis.call('HSET', loaded, 'used', us)
  end
  redis.call('HDEL', models, ticket)
  return 0
end
-- A holder keeps its slot even if this Redis has lost it: its request is already running.
if verb == 'keep' then return hold() end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', now)) do
  redis.call('ZREM', holders, gone)
  redis.call('HDEL', models, gone)
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', waiters, '-inf', now)) do
  leave_line(gone)
  redis.call('HDEL', models, gone)
end
if redis.call('ZSCORE', holders, ticket) then return hold() end

redis.call('ZADD', line, 'NX', us, ticket)
redis.call('ZADD', waiters, now + waitMs, ticket)
redis.call('HSET', models, ticket, model)

local function user_of(one) return string.match(one, '^(.*)/') end

-- The models of tickets, in calls of a bounded size.
local function models_of(tickets)
  local found = {}
  for first = 1, #tickets, 1000 do
    local some = redis.call('HMGET', models, unpack(tickets, first, math.min(first + 999, #tickets)))
    for at, name in ipairs(some) do found[first + at - 1] = name or '' end
  end
  return found
end

local held = redis.call('ZRANGE', holders, 0, -1)
local free = at_server > 0 and at_server - #held or math.huge
local taken, share = {}, {}
for at, name in ipairs(models_of(held)) do
  taken[name] = (taken[name] or 0) + 1
  local user = user_of(held[at])
  if user then share[user] = (share[user] or 0) + 1 end
end

local queue, tickets, is_mixed = {}, {}, false
local scored = redis.call('ZRANGE', line, 0, -1, 'WITHSCORES')
for at = 1, #scored, 2 do tickets[#tickets + 1] = scored[at] end
for at, name in ipairs(models_of(tickets)) do
  local user = user_of(tickets[at])
  if user then share[user] = (share[user] or 0) + 1 else is_mixed = true end
  queue[at] = { ticket = tickets[at], model = name, since = tonumber(scored[2 * at]), place = at, share = user and share[user] }
end

-- The only model that may take a slot now; nil when any may.
local allowed = nil
if turn > 0 and not is_mixed then
  local current = redis.call('HMGET', loaded, 'model', 'since', 'used')
  local name, other, is_used = current[1], nil, false
  for _, one in ipairs(queue) do
    if one.model == name then is_used = true elseif not other then other = one end
  end
  if name and other then
    if us - math.max(tonumber(current[2]), other.since) >= turn then
      allowed = other.model
    elseif is_used or taken[name] or us - tonumber(current[3]) < linger then
      allowed = name
    end
  elseif name then
    allowed = name
  end
end

if not is_mixed then
  table.sort(queue, function(a, b)
    if a.share ~= b.share then return a.share < b.share end
    return a.place < b.place
  end)
end
-- Tickets before this one first take what they can use; this one gets what is left.
for place, one in ipairs(queue) do
  local usable = free > 0 and (at_model == 0 or (taken[one.model] or 0) < at_model)
    and (allowed == nil or one.model == allowed)
  if one.ticket == ticket then
    if usable then return hold() end
    expire()
    return place
  end
  if usable then
    free = free - 1
    taken[one.model] = (taken[one.model] or 0) + 1
    if turn > 0 and not is_mixed then allowed = one.model end
  end
end
return 1
