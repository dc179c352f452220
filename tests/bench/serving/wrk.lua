-- Posts one body over and over and compares every answer with the first, which the caller found to be right.
-- wrk … -- BODY_FILE EXPECTED_FILE 'Name: value' …; the last line that it prints is JSON.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  wrk.method = "POST"
  wrk.body = read(args[1])
  expected = read(args[2])
  for index = 3, #args do
    local name, value = args[index]:match("^(.-): (.*)$")
    wrk.headers[name] = value
  end
  wrong, shown = 0, ""
end

function response(status, headers, body)
  if status < 200 or status > 299 or body ~= expected then
    if wrong == 0 then
      shown = status .. " " .. body:sub(1, 200)
    end
    wrong = wrong + 1
  end
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\\128-\255]', "?") .. '"'
end

function done(summary, latency, requests)
  local wrong, shown = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
    shown = shown ~= "" and shown or thread:get("shown")
  end
  local broken = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "wrong": %d, "broken": %d, "shown": %s}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, wrong,
    broken.connect + broken.read + broken.write + broken.timeout, quoted(shown)))
end
