// The installation reconciler: forwarder and inspector as install.json wants them, by server-side apply, so that drift of
// our fields is put right and fields of others stay. Without dashboardAccess the inspector is taken away.
import { type Obj, type Outcome, RESOURCES, type Reconciler, type Resource } from '@echoplane/kube';
import {
  type InstallConfig,
  MANAGED_LABEL,
  MANAGED_VALUE,
  parseClusterCaptureConfig,
  WORKLOADS,
} from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import { forwarderManifests, RULES_CONFIG_MAP } from './forwarder-manifests.ts';
import { inspectorManifest } from './inspector-manifest.ts';

/** ConfigMap with the state of each component. */
export const STATUS_CONFIG_MAP = 'echoplane-status';
/** Drift is found by watching; this is for what no watch tells. */
const AGAIN_MS = 60_000;

export interface InstallationReconciler extends Reconciler {
  /** What is not as it should be, by component; for metrics and the status. */
  readonly troubles: ReadonlyMap<string, string>;
}

/** Key: any; there is one installation. `imageOf`: what an upgrade put in the place of install.json's image. */
export function installationReconciler(
  context: OperatorContext,
  imageOf: (component: 'forwarder' | 'inspector') => string,
): InstallationReconciler {
  const troubles = new Map<string, string>();
  return {
    name: 'installation',
    troubles,
    async reconcile(): Promise<Outcome> {
      const { client, config, install } = context;
      const { namespace } = config;
      const present = await client.get(RESOURCES.statefulSets, { namespace, name: WORKLOADS.forwarder });
      const forwarder = {
        ...{ install: withStorageOf(context, present), namespace },
        image: imageOf('forwarder'),
      };
      const wanted = forwarderManifests(forwarder, rulesOf(context));
      if (wanted.rules) await client.apply(RESOURCES.configMaps, wanted.rules);
      // What the server has completed in a claim template belongs to the object as it was made.
      const claims = present?.spec.volumeClaimTemplates;
      const spec =
        claims === undefined
          ? wanted.statefulSet.spec
          : { ...wanted.statefulSet.spec, volumeClaimTemplates: claims };
      await client.apply(RESOURCES.statefulSets, { ...wanted.statefulSet, spec });
      await client.apply(RESOURCES.services, wanted.service);
      // After the StatefulSet: until then its pods may still mount it.
      if (!wanted.rules) await client.delete(RESOURCES.configMaps, { namespace, name: RULES_CONFIG_MAP });
      const inspector = { namespace, name: WORKLOADS.inspector };
      if (install.dashboardAccess)
        await client.apply(
          RESOURCES.deployments,
          inspectorManifest({ install, namespace, image: imageOf('inspector') }),
        );
      else await client.delete(RESOURCES.deployments, inspector);
      await report(context, troubles);
      return { again: 'after', ms: AGAIN_MS };
    },
  };
}

/** Rules kept in git: of the first ClusterCaptureConfig by name that has some. */
export function rulesOf({ caches, events }: Pick<OperatorContext, 'caches' | 'events'>): unknown {
  const withRules = [...caches.clusterCaptureConfigs.all()]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap((object) => {
      const parsed = parseClusterCaptureConfig(object);
      return 'spec' in parsed && parsed.spec.rules !== undefined
        ? [{ object, rules: parsed.spec.rules }]
        : [];
    });
  for (const { object } of withRules.slice(1)) {
    const message = `Its rules are not in force: those of ${withRules[0]!.object.metadata.name} are, the first by name.`;
    const about = { ...object, apiVersion: 'echoplane.dev/v1', kind: 'ClusterCaptureConfig' };
    events.record(about, { type: 'Warning', reason: 'RulesNotInForce', message });
  }
  return withRules[0]?.rules ?? null;
}

/** The storage of a StatefulSet cannot be changed: a difference is told, and what is there stays. */
function withStorageOf({ install, events }: OperatorContext, present: Obj | null): InstallConfig {
  if (!present) return install;
  const { storage } = install.forwarder;
  const [is, wanted] = [
    sizeOf(present.spec.volumeClaimTemplates),
    storage.ephemeral ? 'ephemeral' : storage.size,
  ];
  if (is === wanted) return install;
  const message = `Its storage stays ${is}: that of a StatefulSet cannot be changed. Delete it with --cascade=orphan, and it is made anew with ${wanted}.`;
  const about = { ...present, apiVersion: 'apps/v1', kind: 'StatefulSet' };
  events.record(about, { type: 'Warning', reason: 'StorageUnchanged', message });
  const kept = { ...storage, ephemeral: present.spec.volumeClaimTemplates === undefined };
  return { ...install, forwarder: { ...install.forwarder, storage: kept } };
}

function sizeOf(
  claims: { spec?: { resources?: { requests?: { storage?: string } } } }[] | undefined,
): string {
  return claims?.[0]?.spec?.resources?.requests?.storage ?? 'ephemeral';
}

async function report(context: OperatorContext, troubles: Map<string, string>): Promise<void> {
  const { client, config, install } = context;
  const parts: [string, Resource][] = [['forwarder', RESOURCES.statefulSets]];
  if (install.dashboardAccess) parts.push(['inspector', RESOURCES.deployments]);
  else troubles.delete('inspector');
  for (const [component, resource] of parts) {
    const object = await client.get(resource, {
      namespace: config.namespace,
      name: `echoplane-${component}`,
    });
    const ready = object?.status?.readyReplicas ?? 0;
    if (ready > 0) troubles.delete(component);
    else troubles.set(component, `no pod of the ${component} is ready`);
  }
  await client.apply(RESOURCES.configMaps, statusObject(config.namespace, parts, troubles));
}

/** For people and `echoplane check`: `forwarder: Ready`, or what is wrong. */
function statusObject(
  namespace: string,
  parts: readonly [string, Resource][],
  troubles: ReadonlyMap<string, string>,
): Obj {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: STATUS_CONFIG_MAP, namespace, labels: { [MANAGED_LABEL]: MANAGED_VALUE } },
    data: Object.fromEntries(parts.map(([component]) => [component, troubles.get(component) ?? 'Ready'])),
  };
}
