// Stands in for the control plane where only the forwarder's own cost is measured: takes everything, keeps the bodies it
// was sent in a file for the search for canaries. `node stand-in-cloud.ts FILE` says its port.
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';

const kept = createWriteStream(process.argv[2]!);
const TENANT = { id: '0190a0a0-0000-7000-8000-00000000aaaa', name: 'bench' };

const server = createServer((request, response) => {
  request.on('data', (chunk) => kept.write(chunk));
  request.on('end', () => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/v1/agent') return response.end(JSON.stringify({ tenant: TENANT, key: 'k' }));
    if (path === '/v1/ingest/index' || path === '/v1/ingest/segments')
      return response.end(JSON.stringify({ rows: 0, duplicate: false }));
    response.statusCode = path?.startsWith('/v1/ingest/') ? 204 : 404;
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
});
