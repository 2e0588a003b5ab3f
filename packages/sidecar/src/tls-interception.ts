// Outbound TLS, opened with our own CA. The client's ClientHello is held while the upstream is dialled and verified:
//
//   hello ─▶ upstream verified ─▶ client terminated with a minted leaf, ALPN mirrored ─▶ splice of the plain bytes
//     │            └ no ─▶ redial ─▶ the client's own ClientHello spliced: pass-through, 'tls-unverified'
//     └ host on the list ─▶ pass-through           client refuses our certificate ─▶ host goes on the list
//
// An app that does not trust us or verifies differently thus sees its upstream's own certificate. Keys are never logged.
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '@echoplane/runtime';
import type { Capture } from './capture.ts';
import type { Dial, Target } from './dial.ts';
import type { Metrics } from './metrics.ts';
import type { ClientHello, Interception, Tunnel } from './outbound-options.ts';
import type { PassReason, PassThroughHosts } from './pass-through-hosts.ts';
import { splice, tlsEndpoint } from './splice.ts';
import { watchFirstByte } from './tls-first-byte.ts';
import {
  type Handshake,
  isAlert,
  isTlsFailure,
  type OnKeyLine,
  serveTls,
  TLS_1_2,
  wantsClientCertificate,
} from './tls-handshake.ts';
import type { Leaves } from './tls-leaves.ts';
import type { SessionIds } from './tls-sessions.ts';
import { isUnverified, type UpstreamTls } from './tls-upstream.ts';
import { openTunnelTap, passedTls, spliceTunnel } from './tunnel.ts';

export interface TlsInterceptionOptions {
  leaves: Leaves;
  upstreams: UpstreamTls;
  passThrough: PassThroughHosts;
  sessionIds: SessionIds;
  onKeyLine: OnKeyLine | null;
  dial: Dial;
  capture: Capture;
  metrics: Metrics;
  clock: Pick<Clock, 'nowUs'>;
}

/** A close without a word is taken for a refusal this soon, and only while no client has accepted our certificate. */
const SILENT_REFUSAL_US = 1_000_000;

/** Opens TLS between a client and its upstream, or passes it through. */
export class TlsInterception implements Interception {
  readonly #options: TlsInterceptionOptions;

  constructor(options: TlsInterceptionOptions) {
    this.#options = options;
  }

  async take(tunnel: Tunnel, hello: ClientHello, held: Buffer): Promise<void> {
    const { passThrough, leaves } = this.#options;
    const named = namedTarget(tunnel.target, hello);
    const reason = this.#reasonToPass(hello) ?? passThrough.reasonFor(named);
    if (reason) return this.#pass(tunnel, hello, held, reason);
    const [{ stream: upstream, failure }, context] = await Promise.all([
      this.#connect(tunnel, named, hello),
      leaves.contextFor(named.host),
    ]);
    if (!upstream) return this.#passAnew(tunnel, hello, held, this.#noteUnopened(named, failure));
    if (!context || upstream.destroyed) {
      upstream.destroy();
      return this.#passAnew(tunnel, hello, held, passThrough.reasonFor(named) ?? 'tls-no-certificate');
    }
    const alpn = upstream.alpnProtocol || null;
    const terminated = await this.#serve(tunnel, context, hello, held, alpn);
    if (terminated) return this.#splice(tunnel, hello, upstream, terminated);
    upstream.destroy();
  }

  async #connect({ server, target }: Tunnel, named: Target, hello: ClientHello): Promise<Handshake> {
    const { upstreams, passThrough } = this.#options;
    const connected = await upstreams.connect(server, target, hello);
    // In TLS 1.3 an upstream that misses the client's certificate says so only after the handshake.
    connected.stream?.on('error', (error) => {
      if (wantsClientCertificate(error)) passThrough.add(named, 'tls-client-certificate');
    });
    return connected;
  }

  /**
   * TLS with the client as the server it called, with nothing dialled; null when that is not possible: the client does not
   * want it from us, or there is no CA. The client is closed then. `alpn`: what to answer, one that the client offered.
   */
  async terminate(
    tunnel: Pick<Tunnel, 'client' | 'target'>,
    hello: ClientHello,
    held: Buffer,
    alpn: string | null,
  ): Promise<TLSSocket | null> {
    const context = await this.#options.leaves.contextFor(namedTarget(tunnel.target, hello).host);
    if (context) return this.#serve(tunnel, context, hello, held, alpn);
    this.#options.metrics.count('tls_outbound', 'tls-no-certificate');
    tunnel.client.socket.destroy();
    return null;
  }

  async #serve(
    { client, target }: Pick<Tunnel, 'client' | 'target'>,
    secureContext: SecureContext,
    hello: ClientHello,
    held: Buffer,
    alpn: string | null,
  ): Promise<TLSSocket | null> {
    const { clock, metrics, sessionIds, onKeyLine } = this.#options;
    // Who left while the upstream was called has not seen our certificate, and has not refused it.
    if (client.socket.readableEnded || client.socket.destroyed) {
      metrics.count('tls_outbound', 'client-gone');
      client.socket.destroy();
      return null;
    }
    const offeredUs = clock.nowUs();
    const served = { secureContext, hello, held, alpn, clientAuth: 'none', sessionIds, onKeyLine } as const;
    const { stream, failure } = await serveTls(client.socket, served);
    if (!stream) this.#noteFailure(namedTarget(target, hello), failure, offeredUs);
    return stream;
  }

  /** What keeps TLS closed whatever the destination is. */
  #reasonToPass(hello: ClientHello): string | null {
    if (!this.#options.leaves.hasAuthority) return 'tls-no-ca';
    return Math.max(...hello.versions) < TLS_1_2 ? 'tls-old-version' : null;
  }

  /** What an upstream's refusal says, kept when it would only be repeated. */
  #noteUnopened(named: Target, failure: Error): PassReason {
    const wantsCertificate = wantsClientCertificate(failure);
    const reason = wantsCertificate ? 'tls-client-certificate' : 'tls-unverified';
    if (wantsCertificate || isUnverified(failure)) this.#options.passThrough.add(named, reason);
    return reason;
  }

  #passAnew(tunnel: Tunnel, hello: ClientHello, held: Buffer, reason: string): void {
    tunnel.server.destroy();
    this.#pass({ ...tunnel, server: this.#options.dial(tunnel.target) }, hello, held, reason);
  }

  #pass(tunnel: Tunnel, hello: ClientHello, held: Buffer, reason: string): void {
    this.#options.metrics.count('tls_outbound', reason);
    const more = { scheme: 'https', tls: passedTls(hello), opaque: reason } as const;
    spliceTunnel(tunnel, this.#options, { fromClient: held }, more);
  }

  #splice(tunnel: Tunnel, hello: ClientHello, upstream: TLSSocket, terminated: TLSSocket): void {
    const { metrics, passThrough, clock } = this.#options;
    const { client, server, target } = tunnel;
    const alpn = upstream.alpnProtocol || '';
    metrics.count('tls_outbound', 'intercepted');
    const tls = { sni: hello.sni ?? '', version: upstream.getProtocol() ?? '', alpn };
    const tap = openTunnelTap(tunnel, this.#options, {
      scheme: 'https',
      tls,
    });
    const named = namedTarget(target, hello);
    const securedUs = clock.nowUs();
    const watched = watchFirstByte(
      tap,
      { client: terminated, upstream },
      {
        onByte: () => passThrough.accept(named),
        onSilence: () => this.#noteSilence(named, securedUs),
      },
    );
    splice(tlsEndpoint(terminated, client.socket), tlsEndpoint(upstream, server), watched);
  }

  #noteFailure(named: Target, failure: Error, offeredUs: number): void {
    const { metrics, passThrough } = this.#options;
    if (isAlert(failure)) this.#noteRefusal(named);
    else if (isTlsFailure(failure)) {
      // Nothing in common with us, but perhaps with its upstream.
      metrics.count('tls_outbound', 'handshake-failed');
      passThrough.add(named, 'tls-handshake-failed');
    } else if (!this.#noteSilence(named, offeredUs)) metrics.count('tls_outbound', 'handshake-failed');
  }

  /** Whether a close without a word, after our certificate was offered, was taken for a refusal. */
  #noteSilence(named: Target, offeredUs: number): boolean {
    const { passThrough, clock } = this.#options;
    const isSoon = clock.nowUs() - offeredUs < SILENT_REFUSAL_US;
    if (!isSoon || passThrough.isAccepted(named)) return false;
    this.#noteRefusal(named);
    return true;
  }

  #noteRefusal(named: Target): void {
    this.#options.metrics.count('tls_outbound', 'refused-by-client');
    this.#options.passThrough.add(named, 'tls-refused-by-client');
  }
}

/** The destination by the name the client asked for; of a redirected connection only the address is known otherwise. */
function namedTarget(target: Target, { sni }: ClientHello): Target {
  return sni ? { host: sni, port: target.port } : target;
}
