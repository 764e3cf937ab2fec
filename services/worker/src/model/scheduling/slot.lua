-- The slots of one model server, shared by all workers, and the queue of tickets that wait for one: take, keep or free a
-- slot.
-- Guarantee: never more holders than the limits allow, as far as this Redis remembers them. First come, first served, except
-- that no ticket waits for a slot that only others could use (because of another model's limit). A holder or waiter that does
-- not renew in time is removed, so that a dead worker holds nothing for long. Times are by the clock of Redis.
-- KEYS[1]  holders: a sorted set of tickets by the end of their lease (ms)
-- KEYS[2]  line: a sorted set of waiting tickets by their arrival (us)
-- KEYS[3]  waiters: a sorted set of the same tickets by the time at which they are removed (ms)
-- KEYS[4]  models: a hash of every ticket's model
-- ARGV[1]  take | keep | free
-- ARGV[2]  the ticket
-- ARGV[3]  its model
-- ARGV[4]  limit of holders at this server, 0 for none
-- ARGV[5]  limit of holders of one model, 0 for none
-- ARGV[6]  lease in ms
-- ARGV[7]  time in ms after which a silent waiter is removed
-- Returns  0 when the ticket holds a slot (or was freed), else its position in the queue, counted from 1
local holders, line, waiters, models = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local verb, ticket, model = ARGV[1], ARGV[2], ARGV[3]
local at_server, at_model = tonumber(ARGV[4]), tonumber(ARGV[5])
local lease, waitMs = tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)

local function leave_line(gone)
  redis.call('ZREM', line, gone)
  redis.call('ZREM', waiters, gone)
end

local function hold()
  leave_line(ticket)
  redis.call('ZADD', holders, now + lease, ticket)
  redis.call('HSET', models, ticket, model)
  -- An unused queue expires.
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, (lease + waitMs) * 10) end
  return 0
end

if verb == 'free' then
  leave_line(ticket)
  redis.call('ZREM', holders, ticket)
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

local held = redis.call('ZRANGE', holders, 0, -1)
local free = at_server > 0 and at_server - #held or math.huge
local taken = {}
if #held > 0 then
  for _, name in ipairs(redis.call('HMGET', models, unpack(held))) do
    if name then taken[name] = (taken[name] or 0) + 1 end
  end
end
-- Earlier tickets first take what they can use; this ticket gets what is left.
for place, other in ipairs(redis.call('ZRANGE', line, 0, -1)) do
  local wanted = redis.call('HGET', models, other) or ''
  local usable = free > 0 and (at_model == 0 or (taken[wanted] or 0) < at_model)
  if other == ticket then
    if usable then return hold() end
    for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, (lease + waitMs) * 10) end
    return place
  end
  if usable then
    free = free - 1
    taken[wanted] = (taken[wanted] or 0) + 1
  end
end
return 1
