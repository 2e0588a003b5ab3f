// The Node peer: http-proxy with keep-alive to the upstream, which captures bodies up to 64 KiB and sends them as
// length-prefixed records to the sink. Arguments: port of the upstream, port of the sink. Prints {"port"}.
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';

const BODY_LIMIT_BYTES = 64 << 10;
/** Beyond this much unsent, records are dropped. */
const QUEUE_BYTES = 32 << 20;

// http-proxy comes without types.
const httpProxy = createRequire(import.meta.url)('http-proxy');
const [upstreamPort, sinkPort] = process.argv.slice(2).map(Number);

const sink = connect(sinkPort!, '127.0.0.1');
sink.write('RECORDS\n');
const proxy = httpProxy.createProxyServer({
  target: { host: '127.0.0.1', port: upstreamPort },
  agent: new Agent({ keepAlive: true, maxFreeSockets: 128 }),
});

/** The first bytes of a body as it flows past. */
function keep(message: IncomingMessage): Buffer[] {
  const kept: Buffer[] = [];
  let room = BODY_LIMIT_BYTES;
  message.on('data', (chunk: Buffer) => {
    if (room > 0) kept.push(chunk.subarray(0, room));
    room -= chunk.length;
  });
  return kept;
}

const requestBodies = new WeakMap<IncomingMessage, Buffer[]>();
proxy.on('proxyRes', (response: IncomingMessage, request: IncomingMessage) => {
  const body = keep(response);
  response.on('end', () => {
    if (sink.writableLength > QUEUE_BYTES) return;
    const line = Buffer.from(`${request.method} ${request.url} ${response.statusCode} ${Date.now()}\n`);
    const record = [line, ...(requestBodies.get(request) ?? []), ...body];
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(record.reduce((sum, part) => sum + part.length, 0));
    sink.cork();
    for (const part of [length, ...record]) sink.write(part);
    process.nextTick(() => sink.uncork());
  });
});
proxy.on('error', (_: Error, __: IncomingMessage, response: ServerResponse) => response.destroy());

const server = createServer((request, response) => {
  requestBodies.set(request, keep(request));
  proxy.web(request, response);
});
server.keepAliveTimeout = 300_000;
server.listen(0, '127.0.0.1', 4096, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.stdin.resume().on('end', () => process.exit(0));
