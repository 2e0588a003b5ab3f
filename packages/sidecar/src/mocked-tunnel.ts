// A connection to a mocked destination: the client's TLS is ended here with our CA, and what it says goes in the clear to
// the responder, behind a PROXY v2 header. The destination itself is never dialled.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConnectionFacts, ConnectionTap } from './capture.ts';
import { type FirstWords, readFirstWords, tlsOrNot } from './first-words.ts';
import { clientAddress, tellConnect } from './inbound.ts';
import type { OutboundOptions } from './outbound-options.ts';
import { splice, tcpEndpoint, tlsEndpoint } from './splice.ts';
import type { Asked } from './tunnel.ts';

/** Serves one; `words`: what the client has said already, when that was read. */
export async function openMocked(
  asked: Asked,
  words: FirstWords | null,
  options: OutboundOptions,
): Promise<void> {
  const { client, early, greeting } = asked;
  const { interception } = options;
  client.accepted.isQuiet = () => false;
  greeting?.connected(null);
  if (!interception) return spliceMocked(asked, words?.bytes ?? early, options);
  const { hello, bytes } = words ?? (await readFirstWords(client.socket, early, tlsOrNot));
  if (!hello) return spliceMocked(asked, bytes, options);
  const secured = await interception.terminate(asked, hello, bytes, mockedAlpn(hello.alpn));
  if (!secured) return;
  options.metrics.count('tls_outbound', 'mocked');
  spliceSecured({ ...asked, named: hello.sni ?? asked.named }, secured, hello.sni ?? '', options);
}

/** HTTP/1.1 where the client offers it, HTTP/2 where it offers only that. */
export function mockedAlpn(offered: readonly string[]): string | null {
  return ['http/1.1', 'h2'].find((protocol) => offered.includes(protocol)) ?? null;
}

function spliceMocked(asked: Asked, fromClient: Buffer, options: OutboundOptions): void {
  const { server, tap } = connectMocked(asked, options, {});
  splice(tcpEndpoint(asked.client.socket), tcpEndpoint(server), tap, { fromClient });
}

function spliceSecured(asked: Asked, secured: TLSSocket, sni: string, options: OutboundOptions): void {
  const tls = { sni, version: secured.getProtocol() ?? '', alpn: secured.alpnProtocol || '' };
  const { server, tap } = connectMocked(asked, options, { scheme: 'https', tls });
  splice(tlsEndpoint(secured, asked.client.socket), tcpEndpoint(server), tap);
}

/** The connection to the responder, and its tap, which tells of the destination the app believes in. */
function connectMocked(
  { client: { socket, accepted }, target, named }: Asked,
  { replay, names, capture }: OutboundOptions,
  more: Partial<ConnectionFacts>,
): { server: Socket; tap: ConnectionTap } {
  const client = clientAddress(socket);
  const host = names.nameFor(target.host, named);
  const server = replay!.connect({ client, target, named, tls: more.tls ?? null });
  const tap = capture.open({
    direction: 'OUT',
    scheme: 'http',
    client,
    server: { ip: '', port: target.port, host },
    tls: null,
    ...more,
  });
  accepted.isQuiet = () => tap.isQuiet;
  tellConnect(server, tap, target);
  return { server, tap };
}
