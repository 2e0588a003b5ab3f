// The generator's Indexed Job of one workload, and the Secret that all pods of a replay trust by. Pure.
import type { Obj } from '@echoplane/kube';
import { type InventoryItem, SECRETS } from '@echoplane/resources';
import type { TestConfig } from '@echoplane/traffic';
import type { Setting } from './facts.ts';
import { baseName, durationMs, type TrafficReplay, targetOf } from './replay-object.ts';
import { artifactUrl, envOf, FOLDERS, jsonEnv, podTemplate, replayLabels, trustName } from './replay-pods.ts';
import { secretMounts, secretsEnv } from './secret-mounts.ts';

const INDEX_FIELD = "metadata.annotations['batch.kubernetes.io/job-completion-index']";

export function generatorName({ metadata }: TrafficReplay, index: number): string {
  return `${baseName(metadata.uid)}-generator-${index}`;
}

export function generatorJob(
  replay: TrafficReplay,
  {
    index,
    url,
    bytes,
    testConfig,
  }: { index: number; url: string; bytes: number | null; testConfig: TestConfig },
  setting: Setting,
): Obj {
  const { metadata, spec } = replay;
  const workload = spec.workloads[index]!;
  const name = generatorName(replay, index);
  const { replicas } = spec.generator;
  const template = podTemplate(
    replay,
    {
      ...{ role: 'generator', name, artifactBytes: bytes },
      workload: targetOf(replay, workload) ?? {
        ...{ namespace: metadata.namespace, kind: 'Service', name: new URL(url).hostname },
      },
      env: [
        { name: 'ECHOPLANE_INDEX', valueFrom: { fieldRef: { fieldPath: INDEX_FIELD } } },
        ...envOf({
          SHARD: `$(ECHOPLANE_INDEX)/${replicas}`,
          TARGET_URL: url,
          START_URL: `${artifactUrl(metadata.uid, setting.namespace)}/start?index=$(ECHOPLANE_INDEX)`,
          RESULT_FILE: '/dev/termination-log',
          VAULT_KEY_FILE: `${FOLDERS.vault}/vault.key`,
          ...slicesOf(workload.tests),
          SERVICE: serviceOf(replay, index),
          ...askedOf(testConfig),
          ...secretsEnv(replay),
        }),
      ],
      mounts: [
        { name: 'vault', secret: SECRETS.vault, folder: FOLDERS.vault, optional: true },
        ...secretMounts(replay),
      ],
    },
    setting,
  );
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: setting.namespace, labels: replayLabels(metadata.uid, 'generator') },
    spec: {
      ...{ completionMode: 'Indexed', completions: replicas, parallelism: replicas, backoffLimit: 0 },
      activeDeadlineSeconds: Math.ceil(durationMs(spec.timeout) / 1_000),
      template,
    },
  };
}

/**
 * Whose recorded requests a workload gets when there are several and none says which: its own. By its name alone where that
 * says it, because the recording may be of another namespace or cluster.
 */
function serviceOf(replay: TrafficReplay, index: number): string | undefined {
  const { workloads } = replay.spec;
  const { tests } = workloads[index]!;
  const own = targetOf(replay, workloads[index]!);
  if (!own || workloads.length === 1 || !tests.includes('*')) return undefined;
  const isNamed = (at: number) => targetOf(replay, workloads[at]!)?.name === own.name;
  const isAlone = workloads.every((_, at) => at === index || !isNamed(at));
  return isAlone ? own.name : `${own.namespace}/${own.name}`;
}

function slicesOf(tests: readonly string[]): Record<string, string> {
  return tests.includes('*') ? {} : { TESTS: tests.join(',') };
}

function askedOf({ load, assertions }: TestConfig): Record<string, string | undefined> {
  return { LOAD: jsonEnv(load), ASSERTIONS: jsonEnv(assertions) };
}

export function trustItem({ metadata }: TrafficReplay, { namespace }: Setting): InventoryItem {
  const name = trustName(metadata.uid);
  return { apiVersion: 'v1', kind: 'Secret', namespace, name, action: 'created', restored: false };
}
