// Outbound TLS, opened with our own CA. The client's ClientHello is held while the upstream is dialled and verified:
//
//   hello ─▶ upstream verified ─▶ client terminated with a minted leaf, ALPN mirrored ─▶ splice of the plain bytes
//     │            └ no ─▶ redial ─▶ the client's own ClientHello spliced: pass-through, 'tls-unverified'
//     └ host on the list ─▶ pass-through           client refuses our certificate ─▶ host goes on the list
//
// An app that does not trust us or verifies differently thus sees its upstream's own certificate. Keys are never logged.
import {
  connect,
  createSecureContext,
  getCACertificates,
  rootCertificates,
  type SecureContext,
  TLSSocket,
} from 'node:tls';
import type { Authority, Clock, KeyPairPem } from '@echoplane/runtime';
import type { Capture } from './capture.ts';
import type { Dial, Target } from './dial.ts';
import type { Metrics } from './metrics.ts';
import type { ClientHello, Interception, Tunnel } from './outbound-options.ts';
import { PassThroughHosts } from './pass-through-hosts.ts';
import { splice, tlsEndpoint } from './splice.ts';
import { spliceTunnel, tunnelFacts } from './tunnel.ts';

export interface TlsInterceptionOptions {
  authority: Authority;
  /** PEM of roots to trust for upstreams, beside the system's. */
  extraRoots: readonly string[];
  dial: Dial;
  capture: Capture;
  metrics: Metrics;
  clock: Pick<Clock, 'nowUs'>;
}

const HANDSHAKE_MS = 10_000;
/** Some clients (Node's) send no alert when they do not trust a certificate: they close at once, without a byte of their own. Taken for a refusal only while no client has accepted it. */
const SILENT_REFUSAL_US = 1_000_000;

/** Opens TLS between a client and its upstream, or passes it through. */
export class TlsInterception implements Interception {
  readonly #options: TlsInterceptionOptions;
  readonly #upstreamContext: SecureContext;
  readonly #contexts = new WeakMap<KeyPairPem, SecureContext>();
  readonly #passThrough = new PassThroughHosts();

  constructor(options: TlsInterceptionOptions) {
    this.#options = options;
    this.#upstreamContext = createSecureContext({ ca: [...trustedRoots(), ...options.extraRoots] });
  }

  async take(tunnel: Tunnel, hello: ClientHello, held: Buffer): Promise<void> {
    const known = this.#passThrough.reasonFor(tunnel.target);
    if (known) return this.#pass(tunnel, hello, held, known);
    const [upstream, context] = await Promise.all([
      this.#verify(tunnel, hello),
      this.#contextFor(tunnel, hello),
    ]);
    if (!upstream || !context) {
      upstream?.destroy();
      tunnel.server.destroy();
      const server = this.#options.dial(tunnel.target);
      return this.#pass({ ...tunnel, server }, hello, held, 'tls-unverified');
    }
    const alpn = upstream.alpnProtocol || null;
    const terminated = await this.#terminate(tunnel, held, context, alpn);
    if (!terminated) {
      upstream.destroy();
      return;
    }
    this.#splice(tunnel, hello, upstream, terminated);
  }

  #pass(tunnel: Tunnel, hello: ClientHello, held: Buffer, reason: string): void {
    this.#options.metrics.count('tls_outbound', reason);
    const tls = { sni: hello.sni ?? '', version: '', alpn: '' };
    spliceTunnel(tunnel, this.#options, { fromClient: held }, { scheme: 'https', tls, opaque: reason });
  }

  /** TLS with the upstream as the client would have made it; null when it fails or the certificate is not valid. */
  async #verify({ server, target }: Tunnel, { sni, alpn }: ClientHello): Promise<TLSSocket | null> {
    const stream = connect({
      socket: server,
      secureContext: this.#upstreamContext,
      host: target.host,
      ...(sni && { servername: sni }),
      ...(alpn.length > 0 && { ALPNProtocols: alpn }),
    });
    if (await handshake(stream, 'secureConnect')) return null;
    // In TLS 1.3 an upstream that misses the client's certificate says so only after the handshake.
    stream.on('error', (error) => {
      if (wantsClientCertificate(error)) this.#passThrough.add(target, 'tls-client-certificate');
    });
    return stream;
  }

  async #contextFor({ target }: Tunnel, { sni }: ClientHello): Promise<SecureContext | null> {
    try {
      const leaf = await this.#options.authority.leaf(sni ?? target.host);
      const context =
        this.#contexts.get(leaf) ?? createSecureContext({ cert: leaf.certPem, key: leaf.keyPem });
      this.#contexts.set(leaf, context);
      return context;
    } catch {
      // A name no certificate can carry.
      return null;
    }
  }

  /** TLS with the client as its server; null when the client does not want it from us. */
  async #terminate(
    tunnel: Tunnel,
    held: Buffer,
    secureContext: SecureContext,
    alpn: string | null,
  ): Promise<TLSSocket | null> {
    const { clock, metrics } = this.#options;
    const raw = tunnel.client.socket;
    const offeredUs = clock.nowUs();
    raw.unshift(held);
    const stream = new TLSSocket(raw, {
      isServer: true,
      secureContext,
      ...(alpn && { ALPNProtocols: [alpn] }),
    });
    const failure = await handshake(stream, 'secure');
    if (!failure) return stream;
    stream.destroy();
    if (isAlert(failure)) this.#noteRefusal(tunnel.target);
    else if (!this.#noteSilence(tunnel.target, offeredUs)) metrics.count('tls_outbound', 'handshake-failed');
    return null;
  }

  #splice(tunnel: Tunnel, hello: ClientHello, upstream: TLSSocket, terminated: TLSSocket): void {
    const { capture, metrics } = this.#options;
    const { client, server, target } = tunnel;
    const alpn = upstream.alpnProtocol || '';
    metrics.count('tls_outbound', 'intercepted');
    const tap = capture.open({
      ...tunnelFacts(client.socket, server, target),
      scheme: 'https',
      tls: { sni: hello.sni ?? '', version: upstream.getProtocol() ?? '', alpn },
      ...(alpn === 'h2' && { opaque: 'http2' }),
    });
    client.accepted.isQuiet = () => tap.isQuiet;
    this.#watchClient(terminated, upstream, target);
    splice(tlsEndpoint(terminated, client.socket), tlsEndpoint(upstream, server), tap);
  }

  /** A client's first byte says that it trusts us; a close without one, before the upstream's, that it does not. */
  #watchClient(terminated: TLSSocket, upstream: TLSSocket, target: Target): void {
    const securedUs = this.#options.clock.nowUs();
    const onSilentEnd = () => {
      terminated.off('end', onSilentEnd).off('close', onSilentEnd);
      if (!upstream.readableEnded && !upstream.errored) this.#noteSilence(target, securedUs);
    };
    terminated.once('data', () => {
      terminated.off('end', onSilentEnd).off('close', onSilentEnd);
      this.#passThrough.accept(target);
    });
    terminated.on('end', onSilentEnd).on('close', onSilentEnd);
  }

  /** Whether a close without a word, after our certificate was offered, was taken for a refusal. */
  #noteSilence(target: Target, offeredUs: number): boolean {
    const isSoon = this.#options.clock.nowUs() - offeredUs < SILENT_REFUSAL_US;
    if (!isSoon || this.#passThrough.isAccepted(target)) return false;
    this.#noteRefusal(target);
    return true;
  }

  #noteRefusal(target: Target): void {
    this.#options.metrics.count('tls_outbound', 'refused-by-client');
    this.#passThrough.add(target, 'tls-refused-by-client');
  }
}

/** The system's roots, Node's own, and what NODE_EXTRA_CA_CERTS adds. */
function trustedRoots(): string[] {
  return [...new Set([...rootCertificates, ...getCACertificates('default'), ...getCACertificates('system')])];
}

/** Null when `event` came: the handshake is done. */
function handshake(stream: TLSSocket, event: 'secure' | 'secureConnect'): Promise<Error | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => stream.destroy(new Error('the TLS handshake took too long')),
      HANDSHAKE_MS,
    );
    const settle = (failure: Error | null) => {
      clearTimeout(timer);
      resolve(failure);
    };
    stream
      .once(event, () => settle(null))
      .on('error', settle)
      // On the server's side an error before the end of the handshake is told here only.
      .once('_tlsError', settle)
      .once('end', () => settle(new Error('ended during the TLS handshake')))
      .once('close', () => settle(new Error('closed during the TLS handshake')));
  });
}

function isAlert(error: NodeJS.ErrnoException): boolean {
  return /_ALERT_/.test(error.code ?? '');
}

function wantsClientCertificate(error: NodeJS.ErrnoException): boolean {
  return /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE)/.test(error.code ?? '');
}
