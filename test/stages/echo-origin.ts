// An HTTP/1.1 origin for real clients: it says what it was asked, byte for byte as far as HTTP lets it be seen, and has the
// answers that clients treat specially.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

const FILE = Buffer.from('0123456789'.repeat(1_000));

/** The origin; the caller listens. */
export function createEchoOrigin(): Server {
  const server = createServer({ maxHeaderSize: 256 << 10, insecureHTTPParser: false }, answer);
  server.keepAliveTimeout = 0;
  server.on('checkContinue', (request, response) => {
    if (request.url === '/no') {
      response.writeHead(417, { 'content-length': 0, connection: 'close' }).end();
      return;
    }
    response.writeContinue();
    answer(request, response);
  });
  return server;
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  response.sendDate = false;
  switch (request.url) {
    case '/gzip':
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(FILE));
      return;
    case '/file':
      sendFile(request, response);
      return;
    case '/events':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let n = 0; n < 5; n++) response.write(`data: ${n}\n\n`);
      response.end();
      return;
    case '/hints':
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.end('hinted');
      return;
    case '/moved':
      response.writeHead(302, { location: '/there' }).end();
      return;
    case '/trailers':
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': '4' });
      response.end();
      return;
    default:
      echo(request, response).catch(() => response.destroy());
  }
}

function sendFile(request: IncomingMessage, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) response.end(FILE);
  else response.writeHead(206).end(FILE.subarray(Number(from), Number(to) + 1));
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method, url, httpVersion, rawHeaders, rawTrailers } = request;
  const body = Buffer.concat(chunks).toString('latin1');
  response.end(JSON.stringify({ method, url, httpVersion, rawHeaders, rawTrailers, body }));
}
