// When certificates are looked at: the internal ones each minute and when their Secrets change, a namespace's when a workload
// there is injected. Puts the roots into the webhook configurations, which is why it keeps those too.
import { type Obj, type Outcome, RESOURCES, type Reconciler } from '@echoplane/kube';
import { INJECT_LABEL, SECRETS, SERVICES, WEBHOOK_CONFIGURATION, WORKLOADS } from '@echoplane/resources';
import { OperatingError } from '@echoplane/runtime';
import type { OperatorContext } from '../context.ts';
import { webhookConfigurations } from '../webhooks/webhook-configurations.ts';
import { Authorities, type Leaf } from './authorities.ts';
import { bundleOf, planAuthority, type SecretTexts } from './certificate-plan.ts';
import { textsOf } from './secret-writer.ts';

export const INTERNAL_KEY = 'internal';
export const NAMESPACE_PREFIX = 'namespace/';
const AGAIN_MS = 60_000;
/** An authority is renewed months before its end. */
const PARSED_US = 10_000_000;
/** A namespace that was found good is not looked at again for so long, unless the roots change. */
const TRUSTED_US = 600_000_000;
const MAX_NAMESPACES = 10_000;

export class CertificateKeeper implements Reconciler {
  readonly name = 'certificates';
  readonly authorities: Authorities;
  readonly #context: OperatorContext;
  /** When each was found good, and with which roots. */
  #parsedRoots: { secret: Obj | undefined; roots: string | null; atUs: number } | null = null;
  readonly #good = new Map<string, { roots: string; atUs: number }>();
  /** Puts a key into the queue of whoever leads. */
  enqueue: (key: string) => void = () => {};

  constructor(context: OperatorContext) {
    this.#context = context;
    const { client, config, clock, log } = context;
    const leaves = leavesOf(config.namespace, config.webhookUrl);
    this.authorities = new Authorities({ client, installNamespace: config.namespace, leaves, clock, log });
  }

  /** Key: `internal`, or `namespace/NAME`. */
  async reconcile(key: string): Promise<Outcome> {
    if (key !== INTERNAL_KEY) {
      await this.ensureNamespace(key.slice(NAMESPACE_PREFIX.length));
      return { again: 'no' };
    }
    const roots = await this.authorities.keepInternal();
    await this.authorities.keepKeys();
    for (const namespace of this.#injectedNamespaces()) this.enqueue(`${NAMESPACE_PREFIX}${namespace}`);
    await this.#applyWebhooks(roots);
    return { again: 'after', ms: AGAIN_MS };
  }

  /** Makes the interception CA of the namespace, or mends it. Any replica may: the Secret's version decides. */
  async ensureNamespace(namespace: string): Promise<void> {
    const roots = this.#roots();
    if (roots === null) throw new Error('the internal authority is not there yet');
    const nowUs = this.#context.clock.nowUs();
    const good = this.#good.get(namespace);
    if (good?.roots === roots && nowUs - good.atUs < TRUSTED_US) return;
    await this.authorities.keepNamespace(namespace, roots);
    this.#good.delete(namespace);
    this.#good.set(namespace, { roots, atUs: nowUs });
    if (this.#good.size > MAX_NAMESPACES) this.#good.delete(this.#good.keys().next().value!);
  }

  /** Certificate, key and roots of the operator, as the Secret has them; null until they are there. */
  operatorTls(): { cert: string; key: string; ca: string } | null {
    const texts = this.#texts(SECRETS.operatorTls);
    const { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca } = texts;
    return cert && key && ca ? { cert, key, ca } : null;
  }

  /** Parsing keys and certificates costs more than an admission; the same Secret says the same for a while. */
  #roots(): string | null {
    const { caches, clock, config } = this.#context;
    const secret = caches.secrets.get({ namespace: config.namespace, name: SECRETS.internalCa });
    const nowUs = clock.nowUs();
    const known = this.#parsedRoots;
    if (known && known.secret === secret && nowUs - known.atUs < PARSED_US) return known.roots;
    const plan = planAuthority(textsOf(secret), nowUs / 1_000);
    const roots = plan.action === 'renew' ? null : bundleOf(plan.authority);
    this.#parsedRoots = { secret, roots, atUs: nowUs };
    return roots;
  }

  #texts(name: string): SecretTexts {
    const { caches, config } = this.#context;
    return textsOf(caches.secrets.get({ namespace: config.namespace, name }));
  }

  /**
   * The chart makes the configurations and leaves the roots to us: nothing else of them is ours. Outside a cluster there is
   * no chart, and they are applied whole.
   */
  async #applyWebhooks(roots: string): Promise<void> {
    const { client, config, install, webhookTimeoutS: timeoutS } = this.#context;
    if (config.webhookUrl !== undefined) {
      const target = { installNamespace: config.namespace, url: config.webhookUrl, roots, timeoutS };
      const { mutating, validating } = webhookConfigurations({ ...target, namespaces: install.namespaces });
      await client.apply(RESOURCES.mutatingWebhooks, mutating);
      await client.apply(RESOURCES.validatingWebhooks, validating);
      return;
    }
    for (const resource of [RESOURCES.mutatingWebhooks, RESOURCES.validatingWebhooks]) {
      const present = await client.get(resource, { name: WEBHOOK_CONFIGURATION });
      if (!present) throw new OperatingError('webhooks_missing', missing(resource.kind));
      await client.apply(resource, withRoots(present, resource.kind, roots));
    }
  }

  /** Those of injected pods too: theirs may be nobody's template, or older than we are. */
  #injectedNamespaces(): Set<string> {
    const found = new Set<string>();
    for (const { metadata, isInjected } of this.#context.caches.pods.all())
      if (isInjected) found.add(metadata.namespace ?? '');
    for (const cache of this.#context.caches.workloads.values())
      for (const { metadata, template } of cache.all())
        if (template?.labels[INJECT_LABEL] === 'true') found.add(metadata.namespace ?? '');
    return found;
  }
}

/** Our own certificates. The first name says who it is towards the forwarder. */
function leavesOf(namespace: string, webhookUrl: string | undefined): Leaf[] {
  const service = (name: string) => [
    name,
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    `${name}.${namespace}.svc.cluster.local`,
  ];
  const outside = webhookUrl === undefined ? [] : [new URL(webhookUrl).hostname.replace(/^\[|\]$/g, '')];
  return [
    { secret: SECRETS.operatorTls, names: [...service(SERVICES.operator), ...outside], usage: 'both' },
    { secret: SECRETS.forwarderTls, names: [...service(SERVICES.forwarder), ...outside], usage: 'both' },
    { secret: SECRETS.inspectorTls, names: [WORKLOADS.inspector], usage: 'clientAuth' },
  ];
}

const missing = (kind: string) =>
  `${kind} ${WEBHOOK_CONFIGURATION} is not there, so nothing is injected; helm upgrade makes it again.`;

/** What we apply of a configuration: the roots of each of its webhooks. */
function withRoots(present: Obj, kind: string, roots: string): Obj {
  const caBundle = Buffer.from(roots).toString('base64');
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: WEBHOOK_CONFIGURATION },
    webhooks: (present.webhooks ?? []).map(({ name }: { name: string }) => ({
      name,
      clientConfig: { caBundle },
    })),
  };
}
