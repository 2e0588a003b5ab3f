// What an inspector may touch: workloads of the listed kinds outside the namespaces that are nobody's business, with
// settings that mean something; logs of our own containers. Values are judged here again, whoever signed them.
import type { ClusterCommandBody } from '@echoplane/api';
import { type KubeClient, type Obj, RESOURCES, type Resource } from '@echoplane/kube';
import {
  CONTAINERS,
  IGNORE_KEY,
  INJECT_ANNOTATION,
  INVERSE_ANNOTATION,
  MANAGED_LABEL,
  MANAGED_VALUE,
  parseSettings,
  RESOLVED_ANNOTATION,
  SIDECAR_PREFIX,
  STATUS_ANNOTATION,
} from '@echoplane/resources';
import { OperatingError } from '@echoplane/runtime';

export type WorkloadRef = Extract<ClusterCommandBody, { kind: 'inject' }>['workload'];

export const WORKLOAD_KINDS: Record<WorkloadRef['kind'], Resource> = {
  Deployment: RESOURCES.deployments,
  StatefulSet: RESOURCES.statefulSets,
  DaemonSet: RESOURCES.daemonSets,
  CronJob: RESOURCES.cronJobs,
  Rollout: RESOURCES.rollouts,
};
const OUR_CONTAINERS = new Set<string>(Object.values(CONTAINERS));

const refuse = (sentence: string): never => {
  throw new OperatingError('not_allowed', sentence);
};

/** Throws OperatingError for namespaces in which nothing may be changed from outside. */
export async function checkNamespace(client: KubeClient, namespace: string, install: string): Promise<void> {
  if (namespace === install || namespace.startsWith('kube-'))
    refuse(`Nothing in ${namespace} may be changed from outside.`);
  const found = await client.get(RESOURCES.namespaces, { name: namespace });
  if (!found) refuse(`There is no namespace ${namespace}.`);
  if (found?.metadata.labels?.[IGNORE_KEY] === 'true')
    refuse(`${namespace} is labelled ${IGNORE_KEY}: hands off.`);
}

/** The workload, which must be there and may be touched. */
export async function allowedWorkload(client: KubeClient, ref: WorkloadRef, install: string): Promise<Obj> {
  await checkNamespace(client, ref.namespace, install);
  const found = await client.get(WORKLOAD_KINDS[ref.kind], ref);
  if (!found) throw new OperatingError('not_found', `There is no ${ref.kind} ${ref.namespace}/${ref.name}.`);
  const { annotations = {}, labels = {}, ownerReferences = [] } = found.metadata;
  if (annotations[IGNORE_KEY] === 'true' || labels[IGNORE_KEY] === 'true')
    refuse(`${ref.namespace}/${ref.name} is marked ${IGNORE_KEY}: hands off.`);
  if (ownerReferences.some(({ controller }) => controller))
    refuse(`${ref.namespace}/${ref.name} belongs to a controller; change what made it.`);
  return found;
}

/** The annotations that ask for injection with these settings. Throws OperatingError naming each bad one. */
export function injectAnnotations(settings: Readonly<Record<string, string>>): Record<string, string> {
  const annotations = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`${SIDECAR_PREFIX}${name}`, value]),
  );
  const wanted = { ...annotations, [INJECT_ANNOTATION]: 'true' };
  const made = Object.keys(wanted).find((key) => NOT_SETTINGS.has(key));
  if (made) refuse(`${made} is made by the operator; it is no setting.`);
  const parsed = parseSettings(wanted);
  if ('problems' in parsed) {
    const said = parsed.problems.map(({ field, value, allowed }) => `${field}=${value}: ${allowed}`);
    refuse(said.join('; '));
  }
  return wanted;
}

/** Not what people wish, but what was made of it. */
const NOT_SETTINGS = new Set([RESOLVED_ANNOTATION, STATUS_ANNOTATION, INVERSE_ANNOTATION]);

/** The annotations among these that say what people wish. */
export function settingsOf(annotations: Readonly<Record<string, string>> = {}): [string, string][] {
  return Object.entries(annotations).filter(
    ([key]) => key.startsWith(SIDECAR_PREFIX) && !NOT_SETTINGS.has(key),
  );
}

/** Throws OperatingError unless the container is one of ours. */
export function checkOurs(pod: Obj, container: string, install: string): void {
  const isComponent =
    pod.metadata.namespace === install && pod.metadata.labels?.[MANAGED_LABEL] === MANAGED_VALUE;
  if (!isComponent && !OUR_CONTAINERS.has(container))
    refuse(`${container} is not a container of ours; its log stays here.`);
}
