-- The same loads for PocketBase. After `--`: the name of the load, and the file with the token and the user.

local token, user
local loads = {}

local function get(path)
    return "GET " .. path .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: " .. token .. "\r\n\r\n"
end

local records = "/api/collections/transactions/records"

function loads.read()
    return get(string.format("%s/%015d", records, math.random(0, 99999)))
end

function loads.page()
    -- It has no cursors: the condition that one would stand for.
    local day = string.format("%d-%02d-%02d", math.random(2014, 2025), math.random(1, 12), math.random(1, 28))
    return get(records .. "?perPage=20&skipTotal=1&sort=-day,-number&filter=(day%3C%22" .. day .. "%22)")
end

function loads.create()
    local body = '{"owner":"' .. user .. '","title":"Chicken rice","type":"EXPENSE","category":"Food","day":"2026-02-16","number":1,"amount":'
        .. math.random(100, 40000) / 4 .. "}"
    return "POST " .. records .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: " .. token
        .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function init(arguments)
    local lines = io.lines(arguments[2])
    token, user = lines(), lines()
    local requests = {}
    for n = 1, 5000 do
        requests[n] = loads[arguments[1]]()
    end
    request = function() return requests[math.random(#requests)] end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout
    ))
end
