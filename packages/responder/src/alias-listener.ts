// Takes the connections of pods in which the names of dependencies lead here (routing `hostalias`): one server for each
// recorded port, no header. Whom the client means is in its SNI or Host. A destination that is to pass is dialled for real and
// spliced; every other one is answered or refused. Only what stands in `passThrough` is ever dialled.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type AnswerServer, FIRST_BYTES_MS, MAX_CONNECTIONS } from './answer-server.ts';
import { splitAuthority } from './channel.ts';
import { type FirstBytes, peekFirstBytes } from './first-bytes.ts';

const DIAL_MS = 10_000;

/** A destination, as a name and its port. */
export interface Destination {
  host: string;
  port: number;
}

export interface AliasOptions {
  answers: AnswerServer;
  /** The port as it was recorded. */
  port: number;
  /** What is dialled for real, of all ports. */
  passThrough: readonly Destination[];
  /** Whether a mock was recorded at this port. */
  isMocked: boolean;
}

/** The server to listen with, for one recorded port. */
export function aliasListener(options: AliasOptions): Server {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    options.answers.track(socket);
    accept(socket, options).catch(() => socket.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function accept(socket: Socket, options: AliasOptions): Promise<void> {
  const { answers, port, isMocked } = options;
  const passing = options.passThrough.filter((destination) => destination.port === port);
  // Its protocol may be one in which the server begins; nobody else can be meant.
  if (passing.length === 1 && !isMocked) return splice(socket, passing[0]!, answers);
  const first = await peekFirstBytes(socket, FIRST_BYTES_MS);
  const name = nameIn(first, port);
  const destination = passing.find(({ host }) => host === name);
  if (destination) return splice(socket, destination, answers);
  const channel = answers.newChannel(socket, name === null ? {} : { authority: `${name}:${port}` });
  await answers.serve(socket, channel, name ?? 'localhost', first);
}

/** The host a client names, lower case and without port. */
function nameIn(first: FirstBytes, port: number): string | null {
  const said = first.kind === 'tls' ? first.sni : first.kind === 'http' ? first.host : null;
  if (!said) return null;
  const { host } = splitAuthority(said) ?? splitAuthority(`${said}:${port}`) ?? { host: said };
  return host.toLowerCase();
}

function splice(socket: Socket, { host, port }: Destination, answers: AnswerServer): void {
  const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
  answers.track(upstream);
  upstream.setTimeout(DIAL_MS, () => upstream.destroy());
  upstream.once('connect', () => upstream.setTimeout(0));
  socket.once('close', () => upstream.destroy());
  upstream.once('close', () => socket.destroy());
  socket.pipe(upstream).pipe(socket);
}
