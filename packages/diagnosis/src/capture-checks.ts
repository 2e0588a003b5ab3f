// Whether what should be captured is: workloads that ask for it, and pods of theirs without our sidecar.
import { type Obj, RESOURCES } from '@echoplane/kube';
import {
  CONTAINERS,
  IGNORE_KEY,
  INJECT_ANNOTATION,
  INJECT_LABEL,
  SIDECAR_PREFIX,
} from '@echoplane/resources';
import type { CheckContext } from './check.ts';
import { ok, someOf, warning } from './finding.ts';
import { watchedNamespaces } from './namespaces.ts';

const KINDS = [RESOURCES.deployments, RESOURCES.statefulSets, RESOURCES.daemonSets, RESOURCES.cronJobs];

export async function checkCapture({ client, namespace: install }: CheckContext) {
  const namespaces = await watchedNamespaces(client, install);
  const wanted: Obj[] = [];
  for (const namespace of namespaces)
    for (const kind of KINDS)
      for await (const workload of client.list(kind, { namespace }))
        if (asksForCapture(workload)) wanted.push(outlineOf(workload));
  if (wanted.length === 0) {
    const remedy = `Annotate one: kubectl annotate deployment NAME ${INJECT_ANNOTATION}=true`;
    return [warning('capture', 'No workload asks to be captured.', remedy)];
  }
  const findings = [
    ...unresolved(wanted),
    ...(await withoutSidecar(client, namespaces)),
    ...opaqueTls(wanted),
  ];
  return findings.length > 0
    ? findings
    : [ok('capture', `${wanted.length} workloads are captured, all their pods have a sidecar.`)];
}

function asksForCapture({ metadata }: Obj): boolean {
  const { annotations = {}, labels = {} } = metadata;
  const isIgnored = annotations[IGNORE_KEY] === 'true' || labels[IGNORE_KEY] === 'true';
  return annotations[INJECT_ANNOTATION] === 'true' && !isIgnored;
}

/** As little as the checks need: there may be thousands. */
function outlineOf({ apiVersion, kind, metadata, spec }: Obj): Obj {
  const { namespace = '', name, annotations = {} } = metadata;
  const template = spec.template ?? spec.jobTemplate?.spec?.template;
  return { apiVersion, kind, metadata: { namespace, name, annotations }, labels: template?.metadata?.labels };
}

const nameOf = ({ kind, metadata }: Obj) => `${metadata.namespace}/${kind?.toLowerCase()}/${metadata.name}`;

function unresolved(workloads: readonly Obj[]) {
  const missed = workloads.filter(({ labels }) => labels?.[INJECT_LABEL] !== 'true').map(nameOf);
  if (missed.length === 0) return [];
  const message = `Annotated, and not taken up yet: ${someOf(missed)}.`;
  return [
    warning(
      'capture',
      message,
      'The operator does that within a minute; look into its log, and at the Events of these.',
    ),
  ];
}

async function withoutSidecar(client: CheckContext['client'], namespaces: readonly (string | undefined)[]) {
  const missed: string[] = [];
  const labelSelector = `${INJECT_LABEL}=true`;
  for (const namespace of namespaces)
    for await (const pod of client.list(RESOURCES.pods, { namespace, labelSelector })) {
      if (pod.metadata.deletionTimestamp) continue;
      const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
      if (!containers.some((one: { name: string }) => one.name === CONTAINERS.sidecar))
        missed.push(`${pod.metadata.namespace}/${pod.metadata.name}`);
    }
  if (missed.length === 0) return [];
  const message = `Pods without a sidecar: ${someOf(missed)}.`;
  const remedy =
    'They were made while the webhook was away, or injection declined (see their Events). Restart them: kubectl rollout restart.';
  return [warning('capture', message, remedy)];
}

function opaqueTls(workloads: readonly Obj[]) {
  const closed = workloads
    .filter((one) => one.metadata.annotations?.[`${SIDECAR_PREFIX}tls-out`] !== 'true')
    .map(nameOf);
  if (closed.length === 0) return [];
  const message = `HTTPS that these call is recorded as sizes only, and cannot be mocked: ${someOf(closed)}.`;
  return [
    warning(
      'capture',
      message,
      `Annotate them with ${SIDECAR_PREFIX}tls-out=true, or leave it if that is meant so.`,
    ),
  ];
}
