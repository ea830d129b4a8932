-- KEYS and ARGV as in take.lua: each bucket gains a drop.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for nth, key in ipairs(KEYS) do
    local full_at = (tonumber(redis.call('GET', key) or 0) or 0) - tonumber(ARGV[2 * nth - 1])
    if full_at > now then
        redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.max(1, math.ceil((full_at - now) / 1000)))
    else
        redis.call('DEL', key)
    end
end
return 0
