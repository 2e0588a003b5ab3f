// Terminates TLS in the name of whichever server the client wanted, with a leaf of the responder's authority.
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { Authority } from '@echoplane/runtime';

const MAX_CONTEXTS = 1_000;
const HANDSHAKE_MS = 10_000;
/** HTTP/2 is for clients that offer nothing else. */
const ALPN = ['http/1.1', 'h2'];

export class TlsTerminator {
  readonly #authority: Authority;
  /** By certificate, so that a renewed leaf gets a context of its own; one context for all connections lets clients resume. */
  readonly #contexts = new Map<string, SecureContext>();

  constructor(authority: Authority) {
    this.#authority = authority;
  }

  /** The decrypted socket once the handshake is done. Rejects when the client breaks it off, mostly for want of trust. */
  async terminate(socket: Socket, name: string): Promise<TLSSocket> {
    const secureContext = await this.#contextFor(name);
    const secured = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ALPN });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => secured.destroy(new Error('the handshake took too long')), HANDSHAKE_MS);
      let failure = new Error('the client closed the connection during the handshake');
      secured.once('secure', () => {
        clearTimeout(timer);
        // Only a server of Node says so itself; until then an HTTP/2 session on the socket waits for the handshake.
        Object.assign(secured, { secureConnecting: false });
        resolve(secured);
      });
      secured.on('error', (error) => {
        failure = error;
      });
      secured.once('close', () => {
        clearTimeout(timer);
        reject(failure);
      });
    });
  }

  async #contextFor(name: string): Promise<SecureContext> {
    const { certPem, keyPem } = await this.#authority.leaf(name);
    const known = this.#contexts.get(certPem);
    if (known) return known;
    if (this.#contexts.size >= MAX_CONTEXTS) this.#contexts.delete(this.#contexts.keys().next().value!);
    const made = createSecureContext({ cert: certPem, key: keyPem });
    this.#contexts.set(certPem, made);
    return made;
  }
}
