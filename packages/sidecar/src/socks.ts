// The outbound listener for apps that speak SOCKS: each client's handshake is read, and the connection it asks for is
// routed like any other. What is refused is told in the client's own version.
import { createServer, type Server, type Socket } from 'node:net';
import type { OutboundOptions, ProxyClient } from './outbound-options.ts';
import { routeOutbound } from './outbound-route.ts';
import { SocksHandshake, type SocksOutcome, socksReply } from './socks-request.ts';
import type { Greeting } from './tunnel.ts';

const OUTCOMES: Record<string, SocksOutcome> = {
  ELOOP: 'not-allowed',
  ENETUNREACH: 'no-network',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'no-host',
  ETIMEDOUT: 'no-host',
  ENOTFOUND: 'no-host',
  EAI_AGAIN: 'no-host',
};

/** The outbound listener; the caller listens, on loopback only. */
export function createSocks(options: OutboundOptions): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    readRequest({ socket, accepted: options.connections.add(socket) }, options);
  });
}

function readRequest(client: ProxyClient, options: OutboundOptions): void {
  const { socket } = client;
  const handshake = new SocksHandshake();
  const onEnd = () => socket.end();
  const onData = (chunk: Buffer) => {
    const step = handshake.take(chunk);
    if (step.reply && step.reply.length > 0) socket.write(step.reply);
    if (step.type === 'more') return;
    socket.off('data', onData).off('end', onEnd).pause();
    if (step.type === 'refused') {
      options.metrics.count('proxy_answers', 'socks-refused');
      socket.resume().destroySoon();
      return;
    }
    const { target, rest, version } = step;
    const greeting = greetingOf(socket, version, options);
    routeOutbound({ client, target, named: target.host, early: rest, greeting }, options).catch((error) =>
      socket.destroy(error as Error),
    );
  };
  socket.on('data', onData).on('end', onEnd);
}

function greetingOf(client: Socket, version: 4 | 5, { metrics }: OutboundOptions): Greeting {
  return {
    connected(server) {
      const host = server?.localAddress;
      const bound = host === undefined ? null : { host, port: server!.localPort ?? 0 };
      client.write(socksReply(version, 'connected', bound));
    },
    failed(error) {
      metrics.count('proxy_answers', 'socks-failed');
      client.end(socksReply(version, OUTCOMES[error.code ?? ''] ?? 'failed', null));
      client.resume().destroySoon();
    },
  };
}
