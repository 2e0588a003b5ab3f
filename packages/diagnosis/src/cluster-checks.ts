// What the cluster itself must offer: an API server that answers, clocks that agree, kubelets that know native sidecars,
// and the rights the operator was given.
import { isNotFound, type Obj, RESOURCES } from '@echoplane/kube';
import { WEBHOOK_CONFIGURATION, WORKLOADS } from '@echoplane/resources';
import type { CheckContext } from './check.ts';
import { ok, problem, someOf, warning } from './finding.ts';
import { watchedNamespaces } from './namespaces.ts';

const MIN_MINOR = 30;
/** Tokens and certificates are judged by clocks: beyond this they may fail, and beyond the second they will. */
const SKEW_MS = { worth: 5_000, fatal: 60_000 };
/** What the operator cannot work without, in each namespace it works in: verb, group, resource. */
const NEEDED = [
  ['watch', '', 'pods'],
  ['patch', 'apps', 'deployments'],
  ['create', '', 'secrets'],
  ['create', '', 'events'],
  ['update', 'echoplane.dev', 'trafficreplays'],
] as const;
/** And for the cluster. */
const NEEDED_ONCE = { verb: 'patch', group: 'admissionregistration.k8s.io', name: WEBHOOK_CONFIGURATION };

export async function checkServer({ client }: CheckContext) {
  try {
    const version = await client.call<{ gitVersion: string }>('GET', '/version');
    return [ok('server', `The API server ${client.server} answers; it is ${version.gitVersion}.`)];
  } catch (err) {
    const message = `The API server ${client.server} does not answer: ${(err as Error).message}`;
    return [
      problem('server', message, 'Check the kubeconfig and its context: kubectl config current-context.'),
    ];
  }
}

/** A dry run that makes nothing tells what time it is there. */
export async function checkClock({ client, namespace, nowMs }: CheckContext) {
  const probe = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { generateName: 'echoplane-check-', name: '', namespace },
  };
  const asked = nowMs();
  const made = await client.create<Obj>(RESOURCES.configMaps, probe, { dryRun: true }).catch(orNoNamespace);
  if (!made) return [];
  // The server's time has no fractions.
  const skewMs = Math.max(
    0,
    Math.abs(Date.parse(made.metadata.creationTimestamp!) + 500 - (asked + nowMs()) / 2) - 500,
  );
  const seconds = Math.round(skewMs / 1_000);
  if (skewMs < SKEW_MS.worth) return [ok('clock', 'The clock here and that of the API server agree.')];
  const say = skewMs < SKEW_MS.fatal ? warning : problem;
  return [
    say(
      'clock',
      `The clock here and that of the API server differ by ${seconds} s.`,
      'Set both by NTP: certificates and tokens are judged by the time.',
    ),
  ];
}

export async function checkNodes({ client }: CheckContext) {
  const old: string[] = [];
  let count = 0;
  for await (const node of client.list(RESOURCES.nodes)) {
    count++;
    const version: string = node.status?.nodeInfo?.kubeletVersion ?? '';
    const minor = Number(/^v1\.(\d+)/.exec(version)?.[1] ?? Number.NaN);
    if (minor < MIN_MINOR) old.push(`${node.metadata.name} (${version})`);
  }
  if (old.length === 0) return [ok('nodes', `All ${count} kubelets know native sidecars.`)];
  return [
    warning(
      'nodes',
      `Kubelets older than 1.${MIN_MINOR}: ${someOf(old)}. Pods there cannot have a native sidecar.`,
      'Upgrade those nodes, or capture in a mode other than transparent.',
    ),
  ];
}

export async function checkPermissions({ client, namespace }: CheckContext) {
  const user = `system:serviceaccount:${namespace}:${WORKLOADS.operator}`;
  const places = (await watchedNamespaces(client, namespace)).map((one) => (one ? { namespace: one } : {}));
  const wanted: Record<string, string>[] = places.flatMap((place) =>
    NEEDED.map(([verb, group, resource]) => ({ verb, group, resource, ...place })),
  );
  for (const resource of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])
    wanted.push({ ...NEEDED_ONCE, resource });
  const missing: string[] = [];
  for (const resourceAttributes of wanted) {
    const review = await client.call<{ status: { allowed: boolean } }>('POST', REVIEWS, {
      body: {
        ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' },
        spec: { user, resourceAttributes },
      },
    });
    const { verb, resource, namespace: where } = resourceAttributes;
    if (!review.status.allowed) missing.push(`${verb} ${resource}${where ? ` in ${where}` : ''}`);
  }
  if (missing.length === 0) return [ok('permissions', 'The operator has the rights it needs.')];
  const message = `The operator may not do this: ${someOf(missing)}.`;
  return [problem('permissions', message, 'Run helm upgrade, which puts its roles back.')];
}

const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

/** Without the namespace there is no operator either, which is told elsewhere. */
function orNoNamespace(err: unknown): null {
  if (isNotFound(err)) return null;
  throw err;
}
