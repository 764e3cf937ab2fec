-- Logs frames of one epoch and publishes each, in one atomic step.
--
-- Guarantee: a frame is published if and only if it entered the log here and now. A number that is not above the log's
-- newest is refused without a word, so that a command sent twice (a client resends after a reconnect) doubles nothing.
--
-- KEYS[1]  the epoch's log: a stream whose entry ids are <seq>-0
-- ARGV[1]  the channel to publish on
-- ARGV[2]  the log keeps about so many entries
-- ARGV[3]  the log's life in milliseconds, counted from its creation
-- ARGV[4…] pairs: seq, bytes
-- Returns  how many frames were new
local log, channel, cap, ttl = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local created = redis.call('EXISTS', log) == 0
local added = 0
for i = 4, #ARGV, 2 do
  local seq, bytes = ARGV[i], ARGV[i + 1]
  local reply = redis.pcall('XADD', log, 'MAXLEN', '~', cap, seq .. '-0', 'f', bytes)
  if type(reply) == 'table' and reply.err then
    -- The one error that is expected is a number that the log already has; everything else (no memory) must be heard.
    if not string.find(reply.err, 'equal or smaller', 1, true) then
      return redis.error_reply(reply.err)
    end
  else
    -- At once, and not after the last frame: an error further on must not leave a log that lives for ever.
    if created and added == 0 then
      redis.call('PEXPIRE', log, ttl)
    end
    redis.call('PUBLISH', channel, bytes)
    added = added + 1
  end
end
return added
