-- wrk's script: `post` as argument sends 2 KB with each request; the outcome is one line of JSON. Nothing here runs
-- per request.
function init(args)
  if args[1] == 'post' then
    wrk.method = 'POST'
    wrk.body = string.rep('0123456789abcdef', 128)
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"errors":%d,"seconds":%f,"p50Us":%f,"p99Us":%f}\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
