-- The requests of each load, for wrk. After `--`: the name of the load, the file of tokens (the first is the reader's,
-- the others the writers'), the reader's first and last id, the pause before each request in milliseconds, and the file of
-- cursors if the load reads pages.

local tokens, ids, cursors = {}, {}, {}

local function get(path, token)
    return "GET " .. path .. " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
end

local function post(path, headers, body)
    return "POST " .. path .. " HTTP/1.1\r\nHost: bench\r\n" .. headers
        .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local function writer()
    return tokens[math.random(2, #tokens)]
end

local loads = {}

function loads.read()
    return get("/api/transactions/" .. math.random(ids.first, ids.last), tokens[1])
end

function loads.list()
    local day = string.format("%d-%02d-%02d", math.random(2014, 2025), math.random(1, 12), math.random(1, 28))
    return get("/api/transactions/filter?startDate=" .. day .. "&endDate=" .. day, tokens[1])
end

local function page(query)
    return get("/api/transactions?limit=20" .. query .. "&cursor=" .. cursors[math.random(#cursors)], tokens[1])
end

function loads.page()
    return page("")
end

function loads.page_one()
    return page("&category=Food%20%26%20Dining")
end

function loads.page_two()
    return page("&category=Food%20%26%20Dining&minAmount=100")
end

function loads.bulk()
    -- A month of a writer, who has a row a day: 30 rows.
    local months = os.time() - math.random(2, 30) * 30 * 86400
    local first, last = os.date("%Y-%m-%d", months), os.date("%Y-%m-%d", months + 29 * 86400)
    local body = '{"filter":{"startDate":"' .. first .. '","endDate":"' .. last .. '"},"set":{"note":"' .. math.random(1e9) .. '"}}'
    return "PATCH /api/transactions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " .. writer()
        .. "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function loads.create()
    local body = '{"title":"ข้าวมันไก่","titleEn":"Chicken rice","type":"EXPENSE","category":"Food & Dining","amount":'
        .. math.random(100, 40000) / 4 .. "}"
    return post("/api/transactions", "Authorization: Bearer " .. writer() .. "\r\n", body)
end

function loads.dashboard()
    return get("/api/transactions/dashboard", writer())
end

function loads.login()
    local body = '{"email":"bench-' .. math.random(1, 100) .. '@example.com","password":"wrong-' .. math.random(1e9) .. '"}'
    return post("/api/auth/login", "", body)
end

function init(arguments)
    for token in io.lines(arguments[2]) do
        table.insert(tokens, token)
    end
    ids.first, ids.last = tonumber(arguments[3]), tonumber(arguments[4])
    if arguments[6] and arguments[6] ~= "" then
        for cursor in io.lines(arguments[6]) do
            table.insert(cursors, cursor)
        end
    end
    -- Built once, because building them would use the processor that is measured.
    local requests = {}
    for n = 1, 5000 do
        requests[n] = loads[arguments[1]]()
    end
    request = function() return requests[math.random(#requests)] end
    local pause = tonumber(arguments[5])
    if pause > 0 then
        delay = function() return pause end
    end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"refused":%d,"broken":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout
    ))
end
