// Injection into one pod: undo what is there of ours, read the settings, decide, add. That the first step comes first makes
// it idempotent whatever was added by others in between.
import {
  CONTAINERS,
  describeProblem,
  IGNORE_KEY,
  INJECT_ANNOTATION,
  INJECT_LABEL,
  type Pod,
  parseResolved,
  parseSettings,
  RESOLVED_ANNOTATION,
  type ResolvedSettings,
  type SettingProblem,
  STATUS_ANNOTATION,
  type WorkloadName,
  workloadOfPod,
} from '@echoplane/resources';
import { allAppContainers, appContainers } from './app-containers.ts';
import { tellApp } from './app-environment.ts';
import { aliasHosts, markForMesh, moveInbound, rewriteProbes } from './app-network.ts';
import type { Injected, InjectionStatus, InjectPod, Note } from './contract.ts';
import { type Decision, decideMode } from './decide-mode.ts';
import { ownContainers, ownInitContainers, ownVolumes } from './own-containers.ts';
import { isProxied, type Plan } from './plan.ts';
import { controllerOf, nameOf } from './pod-templates.ts';
import { rememberUndo, undone } from './undo.ts';

/** Injects a pod, or says why not. */
export const injectPod: InjectPod = (pod, facts) => {
  const before = uninjectPod(pod);
  const refuse = (refused: string, notes: Note[] = []): Injected<Pod> => ({ object: pod, notes, refused });
  if (isIgnored(before)) return refuse(`${IGNORE_KEY} says hands off`);
  if (!isAsked(before)) return refuse('injection was not asked for');
  const resolved = settingsOf(before);
  if ('problems' in resolved) {
    const message = resolved.problems.map(describeProblem).join(' ');
    return refuse(message, [{ type: 'Warning', reason: 'BadSettings', message: `Not injected: ${message}` }]);
  }
  const { settings, workload } = resolved;
  const decision = decideMode(before, withOutbound(settings, facts.wiring !== null), facts);
  if ('refused' in decision) return refuse(decision.refused, decision.notes);

  const routed = facts.wiring?.routing === 'sidecar' && facts.wiring.mocks.length > 0;
  const opensTls = settings['tls-out'] || routed;
  const plan: Plan = {
    ...{ pod: before, settings, workload, facts, mode: decision.mode, target: decision.target },
    ...{ opensTls, givesTrust: opensTls || facts.wiring !== null },
  };
  return apply(plan, decision);
};

/** The pod or template without what injection added; edits since are kept. */
export function uninjectPod<T extends Pick<Pod, 'metadata' | 'spec'>>(pod: T): T {
  return undone(pod) ?? structuredClone(pod);
}

function apply(plan: Plan, decision: Decision): Injected<Pod> {
  const { pod: before, facts } = plan;
  const pod = structuredClone(before);
  const { spec } = pod;
  const notes = [...decision.notes, ...qualityNotes(plan)];
  rewriteProbes(pod, plan);
  const { inbound, notes: moved } = moveInbound(pod, plan);
  // Without native sidecars nothing listens yet while init containers run.
  notes.push(...moved, ...tellApp(facts.nativeSidecars ? allAppContainers(spec) : appContainers(spec), plan));
  notes.push(...aliasHosts(pod, plan), ...replayNotes(plan));
  markForMesh(pod, plan);

  const [init, lasting, volumes] = [ownInitContainers(plan), ownContainers(plan), ownVolumes(plan)];
  spec.initContainers = [...init, ...(spec.initContainers ?? [])];
  if (spec.initContainers.length === 0) delete spec.initContainers;
  spec.containers.push(...lasting);
  spec.volumes = [...(spec.volumes ?? []), ...volumes];
  addPullSecrets(pod, facts.imagePullSecrets ?? []);
  const status: InjectionStatus = {
    mode: plan.mode,
    containers: [...init, ...lasting].map(({ name }) => name),
    volumes: volumes.map(({ name }) => name),
    inbound,
    replay: facts.wiring ? facts.replayId : null,
  };
  const annotations = { ...pod.metadata?.annotations, [STATUS_ANNOTATION]: JSON.stringify(status) };
  pod.metadata = { ...pod.metadata, annotations };
  rememberUndo(pod, before);
  return { object: pod, notes, refused: null };
}

/** Names that are not there yet, after the pod's own. */
function addPullSecrets({ spec }: Pod, secrets: readonly { name: string }[]): void {
  const own = spec.imagePullSecrets ?? [];
  const missing = secrets.filter(({ name }) => !own.some((one) => one.name === name));
  if (missing.length > 0) spec.imagePullSecrets = [...own, ...missing.map(({ name }) => ({ name }))];
}

function isAsked({ metadata }: Pod): boolean {
  const { annotations = {}, labels = {} } = metadata ?? {};
  return labels[INJECT_LABEL] === 'true' || annotations[INJECT_ANNOTATION] === 'true';
}

function isIgnored({ metadata }: Pod): boolean {
  return [metadata?.annotations, metadata?.labels].some((marks) => marks?.[IGNORE_KEY] === 'true');
}

/** What the workload webhook has written, else the pod's own annotations. */
function settingsOf(pod: Pod): ResolvedSettings | { problems: SettingProblem[] } {
  const text = pod.metadata?.annotations?.[RESOLVED_ANNOTATION];
  if (text !== undefined) return parseResolved(text);
  const parsed = parseSettings(pod.metadata?.annotations ?? {});
  return 'problems' in parsed ? parsed : { settings: parsed.settings, workload: workloadOf(pod) };
}

/** Pods made by a controller have no name yet. */
function workloadOf(pod: Pod): WorkloadName {
  return controllerOf(pod) ? workloadOfPod(pod) : nameOf(pod);
}

/** A replay's mocks are on the way out, which `reverse` has not. */
function withOutbound(
  settings: ResolvedSettings['settings'],
  isWired: boolean,
): ResolvedSettings['settings'] {
  return isWired && settings.mode === 'reverse' ? { ...settings, mode: 'dual' } : settings;
}

function replayNotes(plan: Plan): Note[] {
  if (plan.facts.wiring?.routing !== 'sidecar' || plan.mode === 'transparent') return [];
  const message = isProxied(plan)
    ? 'Only connections that the app makes through its proxy settings reach the mocks of the replay.'
    : `Protocol tcp has no outbound listener: the mocks of the replay are not used.`;
  return [{ type: 'Warning', reason: 'MocksNeedProxy', message }];
}

/** What changes of the pod's standing because there is one container more. */
function qualityNotes({ pod, settings }: Plan): Note[] {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const isGuaranteed = all.every(({ resources }) =>
    ['cpu', 'memory'].every((kind) => {
      const limit = resources?.limits?.[kind];
      return limit !== undefined && (resources?.requests?.[kind] ?? limit) === limit;
    }),
  );
  const isOurs =
    settings['cpu-limit'] === settings['cpu-request'] &&
    settings['memory-limit'] === settings['memory-request'];
  if (!isGuaranteed || isOurs || pod.spec.resources !== undefined) return [];
  const message = `The pod was Guaranteed and is Burstable with ${CONTAINERS.sidecar}: set equal requests and limits for it to keep that.`;
  return [{ type: 'Warning', reason: 'QualityOfService', message }];
}
