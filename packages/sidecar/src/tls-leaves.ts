// What we show a client in the place of its upstream: a secure context per name, with a certificate minted by the CA of the
// moment. Contexts are kept, because the tickets of a context are good for that context only. Another CA starts anew.
// It must not read files, and it knows nothing of connections.
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Authority, KeyPairPem } from '@echoplane/runtime';

/** About 20 KiB each. */
const MAX_CONTEXTS = 500;
/** RFC 1035: a name in the DNS is not longer. */
const MAX_NAME = 253;

/** The contexts of up to 500 names, the one used longest ago forgotten first. */
export class Leaves {
  #authority: Authority | null;
  readonly #contexts = new Map<KeyPairPem, SecureContext>();

  constructor(authority: Authority | null) {
    this.#authority = authority;
  }

  /** False: no CA, nothing can be shown. */
  get hasAuthority(): boolean {
    return this.#authority !== null;
  }

  /** Contexts that are kept. */
  get size(): number {
    return this.#contexts.size;
  }

  /** Signs with this CA from here on; null: with none. */
  use(authority: Authority | null): void {
    this.#authority = authority;
    this.#contexts.clear();
  }

  /** The context for a DNS name or IP address; null without a CA, or for a name that no certificate can carry. */
  async contextFor(name: string): Promise<SecureContext | null> {
    if (name.length > MAX_NAME) return null;
    const leaf = await this.#authority?.leaf(name).catch(() => null);
    if (!leaf) return null;
    const context = this.#contexts.get(leaf) ?? contextOf(leaf);
    this.#contexts.delete(leaf);
    this.#contexts.set(leaf, context);
    if (this.#contexts.size > MAX_CONTEXTS) this.#contexts.delete(this.#contexts.keys().next().value!);
    return context;
  }
}

/** Without roots: the chain to send is in the leaf's PEM, and no client is asked for a certificate. */
function contextOf({ certPem, keyPem }: KeyPairPem): SecureContext {
  return createSecureContext({ cert: certPem, key: keyPem, ca: [] });
}
