-- Logs frames of one epoch and publishes each, in one atomic step.
--
-- Guarantee: a frame is published if and only if this call added it to the log. A seq that is not above the log's newest is
-- skipped without an error, so that a command sent twice (a client resends after a reconnect) duplicates nothing.
--
-- KEYS[1]  the epoch's log: a stream whose entry ids are <seq>-0
-- ARGV[1]  the channel to publish on
-- ARGV[2]  the approximate maximum number of entries
-- ARGV[3]  the log's TTL in milliseconds, from its creation
-- ARGV[4]  its TTL in milliseconds from now, when the turn has ended; else ''
-- ARGV[5…] pairs: seq, bytes
-- Returns  the number of frames added
local log, channel, cap, ttl, rest = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local created = redis.call('EXISTS', log) == 0
local added = 0
for i = 5, #ARGV, 2 do
  local seq, bytes = ARGV[i], ARGV[i + 1]
  local reply = redis.pcall('XADD', log, 'MAXLEN', '~', cap, seq .. '-0', 'f', bytes)
  if type(reply) == 'table' and reply.err then
    -- Only a seq that the log already has is expected; any other error (out of memory) must be returned.
    if not string.find(reply.err, 'equal or smaller', 1, true) then
      return redis.error_reply(reply.err)
    end
  else
    -- After the first frame, not the last: an error on a later frame must not leave a log without a TTL.
    if created and added == 0 then
      redis.call('PEXPIRE', log, ttl)
    end
    redis.call('PUBLISH', channel, bytes)
    added = added + 1
  end
end
if rest ~= '' then
  redis.call('PEXPIRE', log, rest)
end
return added
