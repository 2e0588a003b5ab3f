// Runs upgrade-plan.ts: reads the facts, remembers the stage in a ConfigMap, changes the operator's own image when it is its
// turn, and tells what people should know. Forwarder and inspector take their image from the installation reconciler.
import {
  isConflict,
  type Obj,
  type Outcome,
  RESOURCES,
  type Reconciler,
  type Resource,
} from '@echoplane/kube';
import { type InstallConfig, MANAGED_LABEL, MANAGED_VALUE, WORKLOADS } from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import { imageOf, planUpgrade, Upgrade, type UpgradedComponent, type UpgradeFacts } from './upgrade-plan.ts';

export const UPGRADE_CONFIG_MAP = 'echoplane-upgrade';
const AGAIN_MS = 15_000;
/** Labels and annotations by which tools mark what they keep. */
const KEEPERS: readonly (readonly [key: RegExp, name: string])[] = [
  [/^argocd\.argoproj\.io\//, 'Argo CD'],
  [/\.toolkit\.fluxcd\.io\//, 'Flux'],
];
const RESOURCE_OF: Record<UpgradedComponent, Resource> = {
  forwarder: RESOURCES.statefulSets,
  inspector: RESOURCES.deployments,
  operator: RESOURCES.deployments,
};

export interface UpgradesOptions {
  context: OperatorContext;
  version: string;
  /** install.json as it is, without what upgrades put in its place. */
  base: () => InstallConfig;
  /** Told after each change of the stage. */
  onStage: () => void;
}

export class Upgrades implements Reconciler {
  readonly name = 'upgrades';
  readonly #options: UpgradesOptions;
  #current: Upgrade | null = null;
  /** Version that is there and not taken; for the metric. */
  available: string | null = null;

  constructor(options: UpgradesOptions) {
    this.#options = options;
  }

  /** What was remembered last. */
  get current(): Upgrade | null {
    return this.#current;
  }

  imageOf(component: UpgradedComponent): string {
    return imageOf(component, this.#options.base(), this.#current);
  }

  /** Every replica reads it: pods are injected with the image that is in force. */
  async read(): Promise<void> {
    const { client, config, log } = this.#options.context;
    const found = await client.get(RESOURCES.configMaps, {
      namespace: config.namespace,
      name: UPGRADE_CONFIG_MAP,
    });
    try {
      this.#current = found ? Upgrade.parse(JSON.parse(found.data?.['upgrade.json'] ?? 'null')) : null;
    } catch (err) {
      log.warn({ err }, 'the record of the upgrade cannot be read; it begins anew');
      this.#current = null;
    }
  }

  async reconcile(): Promise<Outcome> {
    const { context, onStage } = this.#options;
    await this.read();
    const operator = await this.#objectOf('operator');
    const step = planUpgrade(await this.#facts(operator));
    this.available = step.do === 'tell' ? step.release.version : null;
    if (step.do === 'tell') this.#tell(operator, 'Normal', 'ReleaseAvailable', step.message);
    if (step.do === 'remember') {
      await this.#remember(step.upgrade);
      context.log.info({ upgrade: step.upgrade }, 'the upgrade goes on');
      if (step.upgrade?.stage === 'failed')
        this.#tell(
          operator,
          'Warning',
          'UpgradeFailed',
          `Version ${step.upgrade.version} was taken back: ${step.upgrade.reason}.`,
        );
      if (step.upgrade?.stage === 'done')
        this.#tell(
          operator,
          'Normal',
          'Upgraded',
          `Version ${step.upgrade.version} runs; sidecars change when their pods are replaced.`,
        );
      onStage();
    }
    await this.#keepOperator(operator);
    return { again: 'after', ms: AGAIN_MS };
  }

  async #facts(operator: Obj | null): Promise<UpgradeFacts> {
    const { context, version, base } = this.#options;
    const stage = this.#current?.stage;
    const isRunning = stage !== undefined && stage !== 'done' && stage !== 'failed';
    return {
      install: base(),
      releases: context.forwarder.releases(),
      version: this.#current?.stage === 'done' ? this.#current.version : version,
      managedBy: keeperOf(operator),
      upgrade: this.#current,
      isHealthy: isRunning && isRolledOut(await this.#objectOf(stage), this.imageOf(stage)),
      nowMs: context.clock.nowUs() / 1_000,
    };
  }

  #objectOf(component: UpgradedComponent): Promise<Obj | null> {
    const { client, config } = this.#options.context;
    return client.get(RESOURCE_OF[component], { namespace: config.namespace, name: WORKLOADS[component] });
  }

  async #remember(upgrade: Upgrade | null): Promise<void> {
    const { client, config } = this.#options.context;
    const ref = { namespace: config.namespace, name: UPGRADE_CONFIG_MAP };
    if (upgrade === null) await client.delete(RESOURCES.configMaps, ref);
    else {
      const metadata = { ...ref, labels: { [MANAGED_LABEL]: MANAGED_VALUE } };
      const data = { 'upgrade.json': JSON.stringify(upgrade) };
      await client.apply(RESOURCES.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    }
    this.#current = upgrade;
  }

  /** Our own Deployment is the chart's: it is changed only while an upgrade says so. */
  async #keepOperator(operator: Obj | null): Promise<void> {
    if (!operator || this.#current === null) return;
    const container = operator.spec.template.spec.containers[0];
    const image = this.imageOf('operator');
    if (container.image === image) return;
    const { namespace, name } = operator.metadata;
    const patch = { spec: { template: { spec: { containers: [{ name: container.name, image }] } } } };
    const { client } = this.#options.context;
    await client
      .patch(RESOURCES.deployments, { namespace: namespace!, name }, patch, { type: 'strategic' })
      .catch((err) => {
        if (!isConflict(err)) throw err;
      });
  }

  #tell(operator: Obj | null, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (!operator) return;
    const about = { ...operator, apiVersion: 'apps/v1', kind: 'Deployment' };
    this.#options.context.events.record(about, { type, reason, message });
  }
}

function keeperOf(operator: Obj | null): string | null {
  const marks = Object.keys({ ...operator?.metadata.labels, ...operator?.metadata.annotations });
  return KEEPERS.find(([key]) => marks.some((mark) => key.test(mark)))?.[1] ?? null;
}

/** Whether every pod runs that image and is ready. */
export function isRolledOut(object: Obj | null, image: string): boolean {
  if (!object) return false;
  const { spec, status = {}, metadata } = object;
  const replicas = spec.replicas ?? 1;
  return (
    spec.template.spec.containers[0]?.image === image &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    status.updatedReplicas === replicas &&
    status.readyReplicas === replicas &&
    (status.replicas ?? replicas) === replicas
  );
}
