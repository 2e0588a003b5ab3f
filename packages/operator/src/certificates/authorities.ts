// Keeps the internal authority, the certificates of our own programs, the interception authority of each namespace and the
// two keys that are made once. Only the leader writes; every replica reads the Secrets. Signing happens here and nowhere
// else; it must not know webhooks or connections.
import { randomBytes } from 'node:crypto';
import type { KubeClient } from '@echoplane/kube';
import { FORWARDER_CA_KEY, NAMESPACE_CA_SECRET, SECRETS } from '@echoplane/resources';
import {
  type Clock,
  createAuthority,
  type KeyPairPem,
  type Logger,
  loadAuthority,
  newSealingKey,
} from '@echoplane/runtime';
import {
  bundleOf,
  type KnownAuthority,
  leafTrouble,
  planAuthority,
  type SecretTexts,
} from './certificate-plan.ts';
import { readKeyPair } from './pem-facts.ts';
import { keepSecret } from './secret-writer.ts';

/** A year: rotation needs nobody, and is seen often enough to be known to work. */
const INTERNAL_DAYS = 365;
const LEAF_DAYS = 90;
/** Apps read their roots when they start: pods may live for a third of this after a rotation. */
const INTERCEPTION_DAYS = 3_650;

export interface Leaf {
  secret: string;
  names: readonly string[];
  usage: 'serverAuth' | 'clientAuth' | 'both';
}
export interface AuthoritiesOptions {
  client: KubeClient;
  installNamespace: string;
  leaves: readonly Leaf[];
  clock: Clock;
  log: Logger;
}

export class Authorities {
  readonly #options: AuthoritiesOptions;
  /** Seconds until each certificate ends, by Secret (`namespace/name`); for the metric. */
  readonly expiry = new Map<string, number>();

  constructor(options: AuthoritiesOptions) {
    this.#options = options;
  }

  /** Brings the internal authority and all leaves up to date; gives the roots that everybody trusts. */
  async keepInternal(): Promise<string> {
    const authority = await this.#keepAuthority();
    for (const leaf of this.#options.leaves) await this.#keepLeaf(leaf, authority);
    return bundleOf(authority);
  }

  /** Brings the namespace's interception authority up to date; `roots` as `keepInternal` gave them. */
  async keepNamespace(namespace: string, roots: string): Promise<void> {
    const ref = { namespace, name: NAMESPACE_CA_SECRET };
    const texts = await keepSecret(this.#options.client, ref, async (present) => {
      const plan = planAuthority(present, this.#nowMs());
      // The authority before needs no place here: pods hold what they started with, and it outlives them.
      const isGood = plan.action !== 'renew';
      if (isGood && present[FORWARDER_CA_KEY] === roots) return null;
      const pair = isGood
        ? { certPem: present['tls.crt']!, keyPem: present['tls.key']! }
        : await this.#newAuthority(
            `Echoplane interception ${namespace}`,
            INTERCEPTION_DAYS,
            ref,
            plan.reason,
          );
      return { 'tls.crt': pair.certPem, 'tls.key': pair.keyPem, [FORWARDER_CA_KEY]: roots };
    });
    this.#note(ref, texts);
  }

  /** Makes the keys of redaction and vault when they are not there; what is there is never overwritten. */
  async keepKeys(): Promise<void> {
    await this.#makeOnce(SECRETS.redaction, 'redaction.key', () => ({
      'redaction.key': randomBytes(32).toString('base64'),
    }));
    await this.#makeOnce(SECRETS.vault, 'vault.key', () => {
      const { publicKey, privateKey } = newSealingKey();
      return {
        'vault.key': privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
        'vault.pub': publicKey,
      };
    });
  }

  async #makeOnce(name: string, key: string, make: () => Record<string, string>): Promise<void> {
    const { client, installNamespace: namespace } = this.#options;
    await keepSecret(client, { namespace, name }, async (present) =>
      present[key] === undefined ? { ...(present as Record<string, string>), ...make() } : null,
    );
  }

  async #keepAuthority(): Promise<KnownAuthority> {
    const ref = { namespace: this.#options.installNamespace, name: SECRETS.internalCa };
    const texts = await keepSecret(this.#options.client, ref, async (present) => {
      const plan = planAuthority(present, this.#nowMs());
      if (plan.action === 'keep') return null;
      if (plan.action === 'drop-previous')
        return { 'tls.crt': plan.authority.facts.certPem, 'tls.key': plan.authority.facts.keyPem };
      const pair = await this.#newAuthority('Echoplane internal', INTERNAL_DAYS, ref, plan.reason);
      const before = plan.previousPem === null ? {} : { 'previous.crt': plan.previousPem };
      return { 'tls.crt': pair.certPem, 'tls.key': pair.keyPem, ...before };
    });
    this.#note(ref, texts);
    const plan = planAuthority(texts, this.#nowMs());
    if (plan.action === 'renew') throw new Error(`the internal authority is not usable: ${plan.reason}`);
    return plan.authority;
  }

  async #keepLeaf(leaf: Leaf, authority: KnownAuthority): Promise<void> {
    const ref = { namespace: this.#options.installNamespace, name: leaf.secret };
    const roots = bundleOf(authority);
    const texts = await keepSecret(this.#options.client, ref, async (present) => {
      const trouble = leafTrouble(present, leaf.names, authority, this.#nowMs());
      if (trouble === null && present['ca.crt'] === roots) return null;
      const pair =
        trouble === null
          ? { certPem: present['tls.crt']!, keyPem: present['tls.key']! }
          : await this.#issue(leaf, authority, trouble);
      return { 'tls.crt': pair.certPem, 'tls.key': pair.keyPem, 'ca.crt': roots };
    });
    this.#note(ref, texts);
  }

  async #issue(leaf: Leaf, { facts }: KnownAuthority, reason: string): Promise<KeyPairPem> {
    const authority = await loadAuthority(facts.certPem, facts.keyPem);
    const { names, usage, secret } = leaf;
    this.#options.log.info({ secret, reason }, 'issuing a certificate');
    return authority.issue({ names, usage, days: LEAF_DAYS, nowMs: this.#nowMs() });
  }

  #newAuthority(
    commonName: string,
    days: number,
    ref: { namespace: string; name: string },
    reason: string,
  ): Promise<KeyPairPem> {
    this.#options.log.info({ ...ref, reason }, 'making an authority');
    return createAuthority({ commonName, days, nowMs: this.#nowMs() });
  }

  #note({ namespace, name }: { namespace: string; name: string }, texts: SecretTexts): void {
    const { notAfterMs } = readKeyPair(texts['tls.crt'], texts['tls.key']);
    this.expiry.set(`${namespace}/${name}`, notAfterMs / 1_000);
  }

  #nowMs(): number {
    return this.#options.clock.nowUs() / 1_000;
  }
}
