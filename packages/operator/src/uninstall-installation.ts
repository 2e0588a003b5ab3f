// The last part of `operator uninstall`: what we made in the namespace of the installation. The forwarder delivers what it
// holds before it goes; a volume with recordings that could not be delivered is kept, and that is said.
import { type KubeClient, type ListOptions, type Obj, RESOURCES, type Resource } from '@echoplane/kube';
import {
  COMPONENT_LABEL,
  MANAGED_LABEL,
  MANAGED_VALUE,
  PORTS,
  REPLAY_LABEL,
  SECRETS,
  SERVICES,
  WORKLOADS,
} from '@echoplane/resources';
import type { Clock, Logger } from '@echoplane/runtime';
import { textsOf } from './certificates/secret-writer.ts';
import { ForwarderLink } from './forwarder-link.ts';
import { RULES_CONFIG_MAP } from './installation/forwarder-manifests.ts';
import { STATUS_CONFIG_MAP } from './installation/installation.ts';
import { UPGRADE_CONFIG_MAP } from './installation/upgrades.ts';

export interface Uninstall {
  client: KubeClient;
  config: {
    namespace: string;
    /** Empty: all. */
    namespaces: readonly string[];
    replayMs: number;
  };
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** What is left, one sentence each. */
  left: string[];
}

/** The inspector makes it for itself. */
const INSPECTOR_CONFIG_MAP = 'echoplane-inspector';
const CLAIMS: Resource = {
  ...{ group: '', version: 'v1', plural: 'persistentvolumeclaims' },
  ...{ kind: 'PersistentVolumeClaim', namespaced: true },
};
/** Kinds of what a replay makes here. */
const REPLAY_KINDS = [
  RESOURCES.jobs,
  RESOURCES.deployments,
  RESOURCES.services,
  RESOURCES.secrets,
  RESOURCES.leases,
];
/** The cloud's key is the chart's. */
const OWN_SECRETS = Object.values(SECRETS).filter((name) => name !== SECRETS.cloud);
const POLL_MS = 1_000;
/** The forwarder's own shutdown has a minute. */
const GONE_MS = 65_000;

export async function removeInstallation(undo: Uninstall): Promise<void> {
  const { client, config } = undo;
  const { namespace } = config;
  const remove = (resource: Resource, name: string) => client.delete(resource, { namespace, name });
  const trouble = await deliver(undo);
  await removeReplays(undo);
  await remove(RESOURCES.statefulSets, WORKLOADS.forwarder);
  await remove(RESOURCES.deployments, WORKLOADS.inspector);
  await remove(RESOURCES.services, SERVICES.forwarder);
  await removeSpool(undo, trouble);
  for (const name of OWN_SECRETS) await remove(RESOURCES.secrets, name);
  for (const name of [RULES_CONFIG_MAP, UPGRADE_CONFIG_MAP, STATUS_CONFIG_MAP, INSPECTOR_CONFIG_MAP])
    await remove(RESOURCES.configMaps, name);
  await remove(RESOURCES.leases, WORKLOADS.operator);
}

/** Why the forwarder may hold something undelivered; null when it holds nothing. */
async function deliver({ client, config, clock, log, signal }: Uninstall): Promise<string | null> {
  const { namespace } = config;
  const ref = { namespace, name: WORKLOADS.forwarder };
  const present = await client.get(RESOURCES.statefulSets, ref);
  if (!present) return 'there is no forwarder that could deliver them';
  if (!present.status?.readyReplicas) return 'the forwarder is not ready';
  const secret = await client.get(RESOURCES.secrets, { namespace, name: SECRETS.operatorTls });
  const { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca } = textsOf(secret);
  const link = new ForwarderLink({
    url: `https://${SERVICES.forwarder}.${namespace}.svc:${PORTS.forwarderCluster}`,
    tls: () => (cert && key && ca ? { cert, key, ca } : null),
    ...{ clock, log },
  });
  try {
    return (await link.flush(signal)) ? null : 'the forwarder could not deliver them in time';
  } catch (err) {
    return (err as Error).message;
  }
}

/** Pods of replays, and what they need; also of those that were kept by `cleanup: none`. */
async function removeReplays(undo: Uninstall): Promise<void> {
  for (const resource of REPLAY_KINDS)
    for (const { metadata } of await inNamespace(undo, resource, REPLAY_LABEL))
      await undo.client.delete(resource, { namespace: undo.config.namespace, name: metadata.name });
}

async function removeSpool(undo: Uninstall, trouble: string | null): Promise<void> {
  const { client, config, clock, log, signal } = undo;
  const { namespace } = config;
  const selector = `${MANAGED_LABEL}=${MANAGED_VALUE},${COMPONENT_LABEL}=forwarder`;
  const claims = await inNamespace(undo, CLAIMS, selector);
  if (claims.length === 0) return;
  if (trouble !== null) {
    const names = claims.map(({ metadata }) => metadata.name).join(' ');
    const words = `PersistentVolumeClaim ${names} is kept: it may hold recordings that were not delivered, because ${trouble}`;
    return log.warn({ event: 'kept', remove: `kubectl -n ${namespace} delete pvc ${names}` }, words);
  }
  const untilUs = clock.nowUs() + GONE_MS * 1_000;
  const isRunning = async () => (await inNamespace(undo, RESOURCES.pods, selector)).length > 0;
  while ((await isRunning()) && clock.nowUs() < untilUs && !signal.aborted)
    await clock.sleep(POLL_MS, signal);
  for (const { metadata } of claims) await client.delete(CLAIMS, { namespace, name: metadata.name });
}

async function inNamespace(
  { client, config, signal }: Uninstall,
  resource: Resource,
  labelSelector: string,
): Promise<Obj[]> {
  const options: ListOptions = { namespace: config.namespace, labelSelector, signal };
  const found: Obj[] = [];
  for await (const object of client.list(resource, options)) found.push(object);
  return found;
}
