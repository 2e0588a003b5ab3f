// A program for a network namespace: HTTP on one port, and where there is a certificate HTTPS and gRPC over TLS on two
// more. HTTP answers with the path and the address of its client. `node transparent-origin.ts SETTINGS`, as JSON.
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { serveGrpc } from './grpc-calls.ts';

export interface OriginSettings {
  httpPort: number;
  tls?: { certPem: string; keyPem: string; httpsPort: number; grpcPort: number };
}

const answer: RequestListener = (request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ path: request.url, from: request.socket.remoteAddress }));
};

async function listen(server: Server, port: number): Promise<void> {
  server.listen({ port, host: '::' });
  await once(server, 'listening');
}

const { httpPort, tls }: OriginSettings = JSON.parse(process.argv[2]!);
await listen(createServer(answer), httpPort);
if (tls) {
  const [cert, key] = [Buffer.from(tls.certPem), Buffer.from(tls.keyPem)];
  await listen(createSecureServer({ cert, key }, answer), tls.httpsPort);
  const pairs = [{ cert_chain: cert, private_key: key }];
  await serveGrpc(`[::]:${tls.grpcPort}`, ServerCredentials.createSsl(null, pairs));
}
console.log(JSON.stringify({ event: 'ready' }));
