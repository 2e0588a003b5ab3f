// The first bytes of a connection, held for as long as they may be the beginning of TLS and no longer: a server that
// speaks first, any other byte, an end, or half a ClientHello with nothing after it for 10 s ends the waiting.
// It must not know what becomes of the connection.
import type { Socket } from 'node:net';
import { detectProtocol, parseClientHello } from '@echoplane/wire';
import type { ClientHello } from './outbound-options.ts';

/** What was read before it was clear. */
export interface Opening {
  fromClient: Buffer;
  fromServer: Buffer;
  /** The client begins TLS. */
  hello: ClientHello | null;
}

const HELLO_MS = 10_000;
const TLS_HANDSHAKE = 0x16;
const NOTHING = Buffer.alloc(0);
const ignore = () => {};

/**
 * Reads until it is clear whether the client begins TLS; `early`: what it has sent already. Both sockets are paused
 * afterwards, and their errors until then are seen by their `closed`.
 */
export function readOpening(
  client: Socket,
  server: Socket,
  early: Buffer = NOTHING,
  helloMs = HELLO_MS,
): Promise<Opening> {
  return new Promise((resolve) => {
    let fromClient = early;
    let deadline: NodeJS.Timeout | undefined;
    const settle = (fromServer: Buffer, hello: ClientHello | null) => {
      clearTimeout(deadline);
      client.off('data', onClient).off('end', onGone).off('close', onGone).pause();
      server.off('data', onServer).off('end', onGone).off('close', onGone).pause();
      resolve({ fromClient, fromServer, hello });
    };
    const onGone = () => settle(NOTHING, null);
    const judge = () => {
      const hello = helloOf(fromClient);
      if (hello !== 'need-more') settle(NOTHING, hello);
      else if (fromClient.length > 0) deadline ??= setTimeout(onGone, helloMs);
    };
    const onClient = (chunk: Buffer) => {
      fromClient = fromClient.length === 0 ? chunk : Buffer.concat([fromClient, chunk]);
      judge();
    };
    const onServer = (chunk: Buffer) => settle(chunk, null);
    client.on('error', ignore).on('data', onClient).on('end', onGone).on('close', onGone).resume();
    server.on('error', ignore).on('data', onServer).on('end', onGone).on('close', onGone).resume();
    if (client.destroyed || server.destroyed) onGone();
    else judge();
  });
}

/** The ClientHello these first bytes are, null when they are something else. */
export function helloOf(bytes: Buffer): ClientHello | 'need-more' | null {
  if (bytes.length === 0) return 'need-more';
  if (bytes[0] !== TLS_HANDSHAKE) return null;
  const protocol = detectProtocol(bytes);
  if (protocol !== 'tls') return protocol === 'need-more' ? protocol : null;
  const hello = parseClientHello(bytes);
  if (hello.status === 'need-more') return 'need-more';
  return hello.status === 'ok' ? { sni: hello.sni, alpn: hello.alpn, versions: hello.versions } : null;
}
