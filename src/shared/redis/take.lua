-- KEYS: buckets. ARGV: for each of them the microseconds in which it gains a drop, and those in which it fills.
-- Kept of a bucket: when it will be full again, in microseconds since 1970. Taken from in turn, up to the first that is empty.
-- Answers { 0, 0 }, or the number of the empty one and the microseconds to wait.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for nth, key in ipairs(KEYS) do
    local every, fills = tonumber(ARGV[2 * nth - 1]), tonumber(ARGV[2 * nth])
    local full_at = tonumber(redis.call('GET', key) or 0) or 0
    -- Never further ahead than an empty bucket: the clock may have been put back, or the rate been changed.
    full_at = math.min(math.max(full_at, now), now + fills) + every
    if full_at - now > fills then
        return { nth, full_at - now - fills }
    end
    redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.max(1, math.ceil((full_at - now) / 1000)))
end
return { 0, 0 }
