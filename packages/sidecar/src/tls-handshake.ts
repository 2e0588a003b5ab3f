// One TLS handshake: as the server of a client whose ClientHello has been read, and the waiting for either side's end.
// It knows what an error means, and nothing of hosts, certificates or what follows.
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { ClientHello } from './outbound-options.ts';
import type { SessionIds } from './tls-sessions.ts';

/** How it went: the stream, or why there is none (the stream is destroyed then). */
export type Handshake = { stream: TLSSocket; failure: null } | { stream: null; failure: Error };

/** A line of key material in the format of SSLKEYLOGFILE; for diagnostics only. */
export type OnKeyLine = (line: Buffer) => void;

export interface ServeOptions {
  secureContext: SecureContext;
  hello: ClientHello;
  /** The client's bytes so far. */
  held: Buffer;
  /** The protocol to answer with, one the client offered; null answers none. */
  alpn: string | null;
  clientAuth: 'none' | 'request' | 'require';
  sessionIds: SessionIds;
  onKeyLine: OnKeyLine | null;
}

const HANDSHAKE_MS = 10_000;
export const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;

/** TLS with the client at the other end of `raw`, which is paused. */
export async function serveTls(raw: Socket, options: ServeOptions): Promise<Handshake> {
  const { secureContext, hello, held, alpn, clientAuth, sessionIds, onKeyLine } = options;
  // TLS over a socket that is closed says nothing at all.
  if (raw.destroyed) return { stream: null, failure: new Error('ended before the TLS handshake') };
  raw.unshift(held);
  const stream = new TLSSocket(raw, {
    isServer: true,
    secureContext,
    requestCert: clientAuth !== 'none',
    rejectUnauthorized: clientAuth === 'require',
    ...(alpn !== null && { ALPNProtocols: [alpn] }),
    // TLS 1.3 resumes by ticket, always; looking sessions up costs every handshake something.
    ...(!hello.versions.includes(TLS_1_3) && { server: sessionIds.server }),
  });
  if (onKeyLine) stream.on('keylog', onKeyLine);
  const failure = (await handshakeEnd(stream, 'secure')) ?? clientCertificateProblem(stream, clientAuth);
  if (failure) {
    stream.destroy();
    return { stream: null, failure };
  }
  // A server's side tells an error after the handshake here only, and does not end by it.
  stream.on('_tlsError', (error: Error) => stream.destroy(error));
  return { stream, failure };
}

/**
 * Null when `event` came: the handshake is done. Later errors of the stream are not unhandled. It resolves in a turn of its
 * own, because the event comes from inside OpenSSL: who destroys the socket beneath there, with an error, ends the process
 * with a segmentation fault (Node 24.21). An alert that arrives until then counts.
 */
export function handshakeEnd(stream: TLSSocket, event: 'secure' | 'secureConnect'): Promise<Error | null> {
  return new Promise((resolve) => {
    let isOver = false;
    let failure: Error | null = null;
    const timer = setTimeout(
      () => stream.destroy(new Error('the TLS handshake took too long')),
      HANDSHAKE_MS,
    );
    const settle = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      setImmediate(() => resolve(failure));
    };
    const fail = (error: Error) => {
      failure ??= error;
      settle();
    };
    const vanish = () => {
      if (!isOver) fail(new Error('ended during the TLS handshake'));
    };
    stream
      .once(event, settle)
      .on('error', fail)
      // On the server's side an error before the end of the handshake is told here only.
      .once('_tlsError', fail)
      .once('end', vanish)
      .once('close', vanish);
  });
}

/**
 * Why a client's certificate is not good enough, or null. Node judges it in `tls.Server` only, which cannot be given an
 * ALPN for one connection; so the handle is asked as that does, and one that cannot be asked refuses.
 */
function clientCertificateProblem(stream: TLSSocket, auth: ServeOptions['clientAuth']): Error | null {
  if (auth === 'none') return null;
  if (!stream.getPeerX509Certificate())
    return auth === 'require' ? new Error('the client has shown no certificate') : null;
  const handle = (stream as unknown as { _handle?: { verifyError?(): Error | null } })._handle;
  if (!handle?.verifyError) return new Error('the client certificate cannot be verified');
  return handle.verifyError() ?? null;
}

/** The peer said by an alert that it does not go on. */
export function isAlert(error: NodeJS.ErrnoException): boolean {
  return /_ALERT_/.test(error.code ?? '');
}

/** The handshake failed in the TLS engine: the two sides have nothing in common, or one of them is odd. */
export function isTlsFailure(error: NodeJS.ErrnoException): boolean {
  return /^ERR_SSL_/.test(error.code ?? '');
}

/** The server misses a certificate of its client. */
export function wantsClientCertificate(error: NodeJS.ErrnoException): boolean {
  return /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE)/.test(error.code ?? '');
}
