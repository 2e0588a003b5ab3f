// Inbound TLS, terminated with given key pairs. The app is connected first when it speaks TLS itself:
//
//   hello ─▶ app plain ─▶ client terminated, http/1.1 if it offers that ─▶ splice of the plain bytes
//     └────▶ app by TLS, verified ─▶ client terminated with the ALPN the app chose ─▶ splice of the plain bytes
//                └ no ─▶ redial ─▶ the client's own ClientHello spliced: the app answers for itself
//
// With client certificates required nothing is passed that was not checked here: the connection is reset instead.
import { createHash, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { ConnectionFacts } from './capture.ts';
import type { Target } from './dial.ts';
import type { Metrics } from './metrics.ts';
import type { ClientHello } from './outbound-options.ts';
import type { PassThroughHosts } from './pass-through-hosts.ts';
import { type Endpoint, reset, splice, type Tap, tcpEndpoint, tlsEndpoint } from './splice.ts';
import { type OnKeyLine, serveTls, wantsClientCertificate } from './tls-handshake.ts';
import type { SessionIds } from './tls-sessions.ts';
import type { UpstreamTls } from './tls-upstream.ts';

/** A key pair to terminate with. */
export interface InboundPair {
  certificate: X509Certificate;
  context: SecureContext;
}

export interface TlsInboundOptions {
  clientAuth: 'none' | 'request' | 'require';
  /** Null: the app speaks plain. */
  upstreams: UpstreamTls | null;
  /** Apps that want a certificate of their client which we lack. */
  passThrough: PassThroughHosts;
  sessionIds: SessionIds;
  onKeyLine: OnKeyLine | null;
  metrics: Metrics;
}

/** An accepted connection in which the client begins TLS. */
export interface InboundConnection {
  client: Socket;
  /** The connection to the app, perhaps still being dialled; nobody reads it. */
  server: Socket;
  target: Target;
  /** A further connection to the app, opened as `server` was. */
  redial(): Socket;
  /** The tap of the connection, once it is clear to which `server` it goes and what more there is to say of it. */
  open(server: Socket, more: Partial<ConnectionFacts>): Tap;
}

/** Terminates TLS for the app. */
export class TlsInbound {
  readonly #options: TlsInboundOptions;
  #pairs: readonly InboundPair[] = [];

  constructor(options: TlsInboundOptions) {
    this.#options = options;
  }

  /** Terminates with these key pairs from here on: at least one, and the first for a client that names none of them. */
  use(pairs: readonly InboundPair[]): void {
    this.#pairs = pairs;
  }

  /** The public key is one of ours: the app shows the certificate we terminate with, whoever signed it. */
  isOurs(certificate: X509Certificate): boolean {
    const shown = keyDigest(certificate);
    return this.#pairs.some((pair) => keyDigest(pair.certificate) === shown);
  }

  async take(connection: InboundConnection, hello: ClientHello, held: Buffer): Promise<void> {
    if (this.#options.upstreams) return this.#bridge(connection, this.#options.upstreams, hello, held);
    const terminated = await this.#terminate(connection, hello, held, plainAlpn(hello.alpn));
    if (terminated) this.#splice(connection, hello, terminated, tcpEndpoint(connection.server));
    else connection.server.destroy();
  }

  /** The app speaks TLS. */
  async #bridge(
    connection: InboundConnection,
    upstreams: UpstreamTls,
    hello: ClientHello,
    held: Buffer,
  ): Promise<void> {
    const { server, target } = connection;
    const { passThrough } = this.#options;
    const known = passThrough.reasonFor(target);
    if (known) return this.#pass(connection, hello, held, known);
    const { stream: app, failure } = await upstreams.connect(server, target, hello);
    if (!app) {
      server.destroy();
      const reason = wantsClientCertificate(failure) ? 'tls-client-certificate' : 'tls-unverified';
      return this.#pass({ ...connection, server: connection.redial() }, hello, held, reason);
    }
    // In TLS 1.3 an app that misses our certificate says so only after the handshake.
    app.on('error', (error) => {
      if (wantsClientCertificate(error)) passThrough.add(target, 'tls-client-certificate');
    });
    const terminated = await this.#terminate(connection, hello, held, app.alpnProtocol || null);
    if (terminated) this.#splice(connection, hello, terminated, tlsEndpoint(app, server));
    else app.destroy();
  }

  async #terminate(
    { client }: InboundConnection,
    hello: ClientHello,
    held: Buffer,
    alpn: string | null,
  ): Promise<TLSSocket | null> {
    const { clientAuth, sessionIds, onKeyLine, metrics } = this.#options;
    const secureContext = choosePair(this.#pairs, hello.sni).context;
    const served = { secureContext, hello, held, alpn, clientAuth, sessionIds, onKeyLine };
    const { stream } = await serveTls(client, served);
    metrics.count('tls_inbound', stream ? 'terminated' : 'handshake-failed');
    return stream;
  }

  #pass(connection: InboundConnection, hello: ClientHello, held: Buffer, reason: string): void {
    const { metrics, clientAuth } = this.#options;
    if (clientAuth === 'require') {
      metrics.count('tls_inbound', 'app-unverified');
      reset(connection.client);
      connection.server.destroy();
      return;
    }
    metrics.count('tls_inbound', reason);
    const tls = { sni: hello.sni ?? '', version: '', alpn: '' };
    const tap = connection.open(connection.server, { scheme: 'https', tls, opaque: reason });
    splice(tcpEndpoint(connection.client), tcpEndpoint(connection.server), tap, { fromClient: held });
  }

  #splice(connection: InboundConnection, hello: ClientHello, terminated: TLSSocket, app: Endpoint): void {
    const version = terminated.getProtocol() ?? '';
    const tls = { sni: hello.sni ?? '', version, alpn: terminated.alpnProtocol || '' };
    const tap = connection.open(connection.server, { scheme: 'https', tls });
    splice(tlsEndpoint(terminated, connection.client), app, tap);
  }
}

/** An app behind us that speaks plain is taken for an HTTP/1.1 one; a client that does not offer that gets its first wish. */
export function plainAlpn(offered: readonly string[]): string | null {
  return offered.includes('http/1.1') ? 'http/1.1' : (offered[0] ?? null);
}

/** The pair for a server name: one that holds it as it is, one whose wildcard covers it, or the first. */
export function choosePair<P extends Pick<InboundPair, 'certificate'>>(
  pairs: readonly P[],
  sni: string | null,
): P {
  if (sni === null || pairs.length === 1) return pairs[0]!;
  return (
    pairs.find(({ certificate }) => certificate.checkHost(sni, { wildcards: false })) ??
    pairs.find(({ certificate }) => certificate.checkHost(sni)) ??
    pairs[0]!
  );
}

function keyDigest(certificate: X509Certificate): string {
  const der = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}
