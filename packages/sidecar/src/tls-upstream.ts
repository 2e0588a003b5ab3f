// TLS towards a server, as its client would have made it: the client's server name and ALPN, the server verified against
// the system's roots and ours, our own client certificate when we have one, sessions resumed.
// It must not know what stands at the other side, and why a server is called.
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Clock } from '@echoplane/runtime';
import type { Target } from './dial.ts';
import type { ClientHello } from './outbound-options.ts';
import { type Handshake, handshakeEnd, type OnKeyLine } from './tls-handshake.ts';
import { UpstreamSessions } from './tls-sessions.ts';

export interface UpstreamTlsOptions {
  clock: Pick<Clock, 'nowUs'>;
  onKeyLine: OnKeyLine | null;
  /** A certificate to accept although nobody we trust has signed it. */
  isKnown?: (certificate: X509Certificate) => boolean;
}

const TRUSTS_NOBODY = createSecureContext({ ca: [] });

/** Connects to servers by TLS; trusts nobody until it is told whom. */
export class UpstreamTls {
  readonly #options: UpstreamTlsOptions;
  #context = TRUSTS_NOBODY;
  #sessions: UpstreamSessions;

  constructor(options: UpstreamTlsOptions) {
    this.#options = options;
    this.#sessions = new UpstreamSessions(options.clock);
  }

  /** Trusts, and shows, what `context` holds from here on; every server has to show its certificate anew. */
  trust(context: SecureContext): void {
    this.#context = context;
    this.#sessions = new UpstreamSessions(this.#options.clock);
  }

  /** TLS over `server`, a TCP connection to `target`. */
  async connect(server: Socket, target: Target, { sni, alpn }: ClientHello): Promise<Handshake> {
    // TLS over a socket that is closed says nothing at all.
    if (server.destroyed) return { stream: null, failure: new Error('ended before the TLS handshake') };
    const sessions = this.#sessions;
    const key = [target.host, target.port, sni, ...alpn].join(' ');
    const held = sessions.get(key);
    const stream = connect({
      socket: server,
      secureContext: this.#context,
      host: target.host,
      rejectUnauthorized: false,
      ...(sni && { servername: sni }),
      ...(alpn.length > 0 && { ALPNProtocols: alpn }),
      ...(held && { session: held.session }),
    });
    if (this.#options.onKeyLine) stream.on('keylog', this.#options.onKeyLine);
    const failure = (await handshakeEnd(stream, 'secureConnect')) ?? this.#problem(stream);
    if (failure) {
      sessions.delete(key);
      stream.destroy();
      return { stream: null, failure };
    }
    // An alert is an error that does not end the stream by itself.
    stream.on('error', () => stream.destroy());
    const sinceUs = stream.isSessionReused() ? held?.sinceUs : undefined;
    const keep = (session: Buffer) => sessions.put(key, session, sinceUs);
    if (stream.getProtocol() === 'TLSv1.3') stream.on('session', keep);
    else if (!held || sinceUs === undefined) keep(stream.getSession()!);
    return { stream, failure };
  }

  /** Why the server is not who it should be; a session goes back to a server that was. */
  #problem(stream: TLSSocket): Error | null {
    if (stream.authorized || stream.isSessionReused()) return null;
    const certificate = stream.getPeerX509Certificate();
    if (certificate && this.#options.isKnown?.(certificate)) return null;
    const error = new Error('the certificate of the server is not trusted') as NodeJS.ErrnoException;
    error.code = UNVERIFIED;
    return error;
  }
}

const UNVERIFIED = 'ECHOPLANE_UNVERIFIED';

/** The handshake would have been fine, but for the certificate of the server. */
export function isUnverified(error: NodeJS.ErrnoException): boolean {
  return error.code === UNVERIFIED;
}
