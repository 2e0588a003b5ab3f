// The responders: made, addressed, and ready, with the wiring in the status before any workload is touched. Pure.
import type { Snapshot } from '@echoplane/api';
import type { Obj } from '@echoplane/kube';
import type { TestConfig } from '@echoplane/traffic';
import { collectorDeployment } from './collector-pods.ts';
import { type FactSet, itemOf, objectKey, type Setting, type Step } from './facts.ts';
import { trustItem } from './generator-pods.ts';
import { podTrouble } from './pod-trouble.ts';
import { type TrafficReplay, targetOf } from './replay-object.ts';
import { type ResponderPods, responderObjects, responderPods, wiringFor } from './responder-pods.ts';
import { aliasProblem, decodedDestinations } from './slices.ts';
import { withItems } from './status.ts';
import { stableJson } from './target-state.ts';

type Facts = Pick<
  FactSet,
  'snapshot' | 'testConfig' | 'targets' | 'objects' | 'sizes' | 'servers' | 'services'
>;
const POLL_MS = 1_000;
/** Destinations that a message names. */
const MAX_NAMED = 20;

export function mocksStep(
  replay: TrafficReplay,
  { snapshot, testConfig, targets, objects, sizes, servers, services }: Facts,
  setting: Setting,
): Step {
  const { status } = replay;
  if (!snapshot)
    return fail('SnapshotNotFound', `The control plane has no snapshot ${status.snapshot} any more.`);
  const decoded = decodedDestinations(snapshot);
  const plans = plansOf(replay, decoded, configOf(testConfig));
  const refused = plans.flatMap(({ routing, mocks }) =>
    routing === 'hostalias' ? mocks.flatMap((one) => aliasProblem(one) ?? []) : [],
  );
  if (refused[0]) return fail('AliasImpossible', `${refused[0]}.`);
  const made = plans.map((plan) => responderObjects(replay, plan, sizes?.mocks ?? null, setting));
  const all: Obj[] = [
    ...made.flatMap(({ service, deployment }) => [service, deployment]),
    collectorDeployment(replay, targets, setting),
  ];
  const trust = trustItem(replay, setting);
  const missing = [trust, ...all.map(itemOf)].filter(
    (item) => !status.inventory.some((known) => objectKey(known) === objectKey(item)),
  );
  if (missing.length > 0)
    return { do: 'status', change: { inventory: withItems(status.inventory, missing) } };
  if (!objects[objectKey(trust)]) return { do: 'trust', item: trust, namespaces: authorities(plans) };
  const absent = all.filter((object) => !objects[objectKey(itemOf(object))]);
  if (absent.length > 0) return { do: 'make', objects: absent };
  const wiring = plans.map((plan) => wiringFor(plan, objects, { namespace: setting.namespace, services }));
  const known = wiring.filter((one) => one !== null);
  if (known.length < plans.length) return wait('AddressPending', 'A responder Service has no address yet.');
  if (stableJson(known) !== stableJson(status.wiring)) return { do: 'status', change: { wiring: known } };
  const starting = made
    .map(({ deployment }) => objects[objectKey(itemOf(deployment))]!)
    .filter((one) => !isAvailable(one));
  const troubled = serverTrouble(servers, [
    ...starting,
    ...all.map((one) => objects[objectKey(itemOf(one))]!),
  ]);
  if (troubled?.do === 'end' || (troubled && starting.length > 0)) return troubled;
  if (starting.length > 0)
    return wait('Starting', `${starting.map(({ metadata }) => metadata.name).join(', ')}: not ready yet.`);
  return { do: 'stage-done', message: sentence(plans, snapshot) };
}

/** What was accepted when the replay was opened; nothing of one that cannot be read any more. */
export function configOf(testConfig: FactSet['testConfig']): TestConfig {
  return 'config' in testConfig ? testConfig.config : {};
}

function plansOf(replay: TrafficReplay, decoded: string[], { responder }: TestConfig): ResponderPods[] {
  return replay.spec.workloads.flatMap((workload, index) => {
    const target = targetOf(replay, workload);
    return target ? [responderPods(replay, { index, target, workload, decoded, plan: responder })] : [];
  });
}

/** Namespaces whose authority a responder signs with: where no sidecar ends TLS. */
function authorities(plans: readonly ResponderPods[]): string[] {
  return [...new Set(plans.filter(({ ports }) => ports.length > 0).map(({ target }) => target.namespace))];
}

/** What keeps responders or collector from starting; the end when nothing will change it. Null when all goes well. */
export function serverTrouble(servers: readonly Obj[], deployments: readonly Obj[]): Step | null {
  const troubles = servers.map(podTrouble).filter((one) => one !== null);
  const worst = troubles.find(({ isHopeless }) => isHopeless) ?? troubles[0];
  if (worst?.isHopeless) return fail('CannotStart', `${worst.why}.`);
  const why = worst?.why ?? deployments.map(refusedPods).find((one) => one !== null);
  return why ? wait('CannotStart', `${why}.`) : null;
}

/** Why a Deployment gets no pods, such as a quota. */
function refusedPods({ metadata, status }: Obj): string | null {
  const refused = (status?.conditions ?? []).find(
    (one: { type: string; status: string }) => one.type === 'ReplicaFailure' && one.status === 'True',
  );
  return refused ? `${metadata.name} gets no pods: ${refused.message}` : null;
}

function isAvailable({ spec, status, metadata }: Obj): boolean {
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  return isSeen && (status?.availableReplicas ?? 0) >= (spec?.replicas ?? 1);
}

/** What is mocked, and what keeps its real route. */
function sentence(plans: readonly ResponderPods[], { manifest, summary }: Snapshot): string {
  const mocks = new Set(plans.flatMap(({ mocks }) => mocks));
  const opaque = manifest?.counts.skipped.opaque ?? 0;
  const names = (summary?.opaque ?? []).map(({ host }) => host).filter((host) => !mocks.has(host));
  const named = names.length > 0 ? ` (${names.slice(0, MAX_NAMED).join(', ')})` : '';
  const tail =
    opaque > 0
      ? `; ${opaque} recorded connections were opaque: their destinations${named} keep their real route unless isolate is set`
      : '';
  return `${mocks.size} destinations are mocked: ${[...mocks].slice(0, MAX_NAMED).join(', ') || 'none'}${tail}.`;
}

function wait(reason: string, message: string): Step {
  return { do: 'wait', ms: POLL_MS, why: { reason, message } };
}

function fail(reason: string, message: string): Step {
  return { do: 'end', ending: { phase: 'Failed', reason, message } };
}
