// Takes the connections of sidecars: a PROXY header of version 2 says who wanted what, then come the client's bytes, plain when
// the sidecar ended TLS (docs/replay-routing.md). It listens and never dials.
import { createServer, type Server, type Socket } from 'node:net';
import type { ProxyHeader } from '@echoplane/wire';
import { type AnswerServer, FIRST_BYTES_MS, MAX_CONNECTIONS } from './answer-server.ts';
import type { Channel } from './channel.ts';
import { takeProxyHeader } from './first-bytes.ts';
import type { Tally } from './tally.ts';

/** The server to listen with. */
export function sidecarListener(answers: AnswerServer, tally: Tally): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    answers.track(socket);
    accept(socket, answers, tally).catch(() => socket.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function accept(socket: Socket, answers: AnswerServer, tally: Tally): Promise<void> {
  const header = await takeProxyHeader(socket, FIRST_BYTES_MS);
  if (typeof header === 'string') {
    tally.refuse('proxy-header');
    socket.destroy();
    return;
  }
  // A LOCAL header: a balancer looks whether we are there.
  if (!header.destination && !header.authority) return void socket.end();
  const name = header.authority ?? header.destination!.ip;
  await answers.serve(socket, answers.newChannel(socket, channelOf(header, name)), name);
}

function channelOf({ source, destination, tls, alpn }: ProxyHeader, name: string): Partial<Channel> {
  const port = destination?.port ?? (tls ? 443 : 80);
  return {
    ...(source ? { client: { ...source, host: '' } } : {}),
    scheme: tls ? 'https' : 'http',
    authority: `${name.includes(':') ? `[${name}]` : name}:${port}`,
    tls: tls ? { sni: name, version: tls.version, alpn: alpn ?? '' } : null,
  };
}
