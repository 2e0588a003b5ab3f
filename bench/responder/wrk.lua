-- wrk's script: asks for one of COUNT recordings after the other, in an order without a pattern; the outcome is one line of JSON.
local requests = {}
local n = 0

function init(args)
  local count = tonumber(args[1])
  for i = 0, count - 1 do
    requests[i] = wrk.format('GET', '/r/' .. (i * 7919) % count .. '?currency=usd', { Host = args[2] })
  end
  total = count
end

function request()
  n = n + 1
  if n == total then n = 0 end
  return requests[n]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"errors":%d,"seconds":%f,"p50Us":%f,"p99Us":%f}\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
