// The forward proxy in front of the answers: absolute-form requests are answered as they come, and what a CONNECT tunnel
// carries is served as if it had been dialled. It listens and never dials.
import { createServer, type Server } from 'node:net';
import { type AnswerServer, MAX_CONNECTIONS } from './answer-server.ts';

/** The server to listen with. */
export function forwardProxy(answers: AnswerServer): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    answers.serveHttp1(socket, answers.newChannel(socket)),
  );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}
