// The webhooks: registered, trusted, in time, and really answering. Whether they are reached only the API server can tell:
// a pod that is made in a dry run comes back injected, or it does not.
import { X509Certificate } from 'node:crypto';
import { KubeError, type Obj, RESOURCES } from '@echoplane/kube';
import {
  CONTAINERS,
  INJECT_LABEL,
  RESOLVED_ANNOTATION,
  renderResolved,
  SERVICES,
  WEBHOOK_CONFIGURATION,
} from '@echoplane/resources';
import type { CheckContext } from './check.ts';
import { ok, problem, unknown, warning } from './finding.ts';
import { watchedNamespaces } from './namespaces.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 3;
const REINSTALL = 'Run helm upgrade, which registers them again; the operator fills in the certificate.';

export async function checkWebhooks({ client, nowMs }: CheckContext) {
  const findings = [];
  for (const resource of [RESOURCES.mutatingWebhooks, RESOURCES.validatingWebhooks]) {
    const configuration = await client.get(resource, { name: WEBHOOK_CONFIGURATION });
    if (!configuration) {
      findings.push(problem('webhooks', `There is no ${resource.kind} ${WEBHOOK_CONFIGURATION}.`, REINSTALL));
      continue;
    }
    findings.push(...judgeBundles(configuration, nowMs()));
  }
  return findings.length > 0
    ? findings
    : [ok('webhooks', 'The webhooks are registered with a certificate that holds.')];
}

function judgeBundles(configuration: Obj, nowMs: number) {
  const bundles = new Map<string, string>();
  for (const webhook of configuration.webhooks ?? [])
    bundles.set(webhook.clientConfig?.caBundle ?? '', webhook.name);
  return [...bundles].flatMap(([bundle, webhook]) => {
    if (bundle === '')
      return [
        problem('webhooks', `The webhook ${webhook} has no CA yet.`, `Is the operator ready? ${REINSTALL}`),
      ];
    const days = (newestExpiryMs(Buffer.from(bundle, 'base64').toString()) - nowMs) / DAY_MS;
    if (days > SOON_DAYS) return [];
    const message =
      days < 0
        ? `The CA of the webhook ${webhook} has expired.`
        : `The CA of the webhook ${webhook} expires in ${Math.ceil(days)} days.`;
    const remedy = 'The operator renews it by itself when it runs; restart it and look into its log.';
    return [(days < 0 ? problem : warning)('webhooks', message, remedy)];
  });
}

/** When the last certificate of a PEM bundle expires; -Infinity when there is none. */
function newestExpiryMs(pem: string): number {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return Math.max(
    Number.NEGATIVE_INFINITY,
    ...certificates.map((one) => Date.parse(new X509Certificate(one).validTo)),
  );
}

const PROBE = 'echoplane-check';
/** What the strictest Pod Security asks of a container. */
const MEEK = {
  ...{ runAsNonRoot: true, runAsUser: 65_534, allowPrivilegeEscalation: false },
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** A pod of which nothing is ever made; in a mode that every namespace allows. */
const probePod = (namespace: string): Obj => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: {
    ...{ name: PROBE, namespace },
    labels: { [INJECT_LABEL]: 'true' },
    annotations: { [RESOLVED_ANNOTATION]: renderResolved({ kind: 'Pod', name: PROBE }, { mode: 'reverse' }) },
  },
  spec: {
    serviceAccountName: 'default',
    containers: [
      {
        ...{ name: 'probe', image: 'echoplane.invalid/probe', ports: [{ containerPort: 8080 }] },
        securityContext: MEEK,
      },
    ],
  },
});

export async function checkWebhookReach({ client, namespace: install }: CheckContext) {
  const [namespace = 'default'] = await watchedNamespaces(client, install);
  if (!(await mayMakePods(client, namespace))) {
    const message = `Whether the API server reaches the webhook shows only to who may make pods in ${namespace}.`;
    return [unknown('webhook-reach', message, 'Run "echoplane check" as somebody who may; no pod is made.')];
  }
  const remedy = `Pods start unrecorded meanwhile. Check that the API server reaches the Service ${SERVICES.operator}: network policies, and on managed clusters firewall rules from the control plane to port 9443 of the nodes.`;
  try {
    const made = await client.create(RESOURCES.pods, probePod(namespace), { dryRun: true });
    const names = [...(made.spec.initContainers ?? []), ...made.spec.containers].map(
      (one: { name: string }) => one.name,
    );
    if (names.includes(CONTAINERS.sidecar))
      return [ok('webhook-reach', 'The API server reaches the webhook: a pod of a dry run was injected.')];
    return [
      problem(
        'webhook-reach',
        'A pod of a dry run came back without our sidecar: the API server does not reach the webhook, or it declined.',
        remedy,
      ),
    ];
  } catch (err) {
    if (!(err instanceof KubeError)) throw err;
    const message = `A pod of a dry run was refused by somebody else: ${err.message}`;
    return [warning('webhook-reach', message, 'Nothing of ours refuses pods; look at what refused it.')];
  }
}

async function mayMakePods(client: CheckContext['client'], namespace: string): Promise<boolean> {
  const review = await client.create<Obj>(RESOURCES.subjectAccessReviews, {
    ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: { name: '' } },
    spec: { resourceAttributes: { verb: 'create', resource: 'pods', namespace } },
  });
  return review.status.allowed === true;
}
