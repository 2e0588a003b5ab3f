// The first step of injection: settings of a workload, over those of CaptureConfigs that select it, become one annotation
// and one label on its pod template. Where injection is not wanted or not possible both are taken away, and so is what an
// offline injection added.
import {
  type CaptureConfigSpec,
  describeProblem,
  IGNORE_KEY,
  INJECT_LABEL,
  INVERSE_ANNOTATION,
  type KubeObject,
  type ObjectMeta,
  type ParsedSettings,
  type PodTemplate,
  parseSettings,
  RESOLVED_ANNOTATION,
  RUN_ANNOTATION,
  renderResolved,
  selectorMatches,
} from '@echoplane/resources';
import type { Injected, Note, ResolveWorkload, WorkloadFacts } from './contract.ts';
import { decideMode } from './decide-mode.ts';
import { uninjectPod } from './inject-pod.ts';
import { isEqual } from './json-patch.ts';
import { controllerOf, nameOf, templateOf } from './pod-templates.ts';

type Marks = Record<string, string>;

const SYSTEM_NAMESPACES = new Set(['kube-system', 'kube-public', 'kube-node-lease']);
const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

/** Writes the resolved settings onto the pod template, or takes them away. */
export const resolveWorkload: ResolveWorkload = (workload, facts) => {
  const refuse = (refused: string, notes: Note[] = []): Injected<KubeObject> => ({
    object: workload,
    notes,
    refused,
  });
  const template = templateOf(workload);
  if (!template) return refuse(`a ${workload.kind} has no pod template`);
  if (controllerOf(workload)) return refuse('its controller decides');
  if (isIgnored(workload, template, facts)) return refuse(`${IGNORE_KEY} says hands off`);

  const parsed = workloadSettings(workload, facts);
  if ('problems' in parsed) {
    const message = parsed.problems.map(describeProblem).join(' ');
    return refuse(message, [{ type: 'Warning', reason: 'BadSettings', message }]);
  }
  if (!parsed.settings.inject)
    return changed(workload, withoutMarks(workload), [], 'injection was not asked for');
  const plain = uninjectPod(template as PodTemplate & { metadata: ObjectMeta });
  const decision = decideMode(plain, parsed.settings, {
    podSecurity: facts.podSecurity,
    nativeSidecars: true,
  });
  if ('refused' in decision)
    return changed(workload, withoutMarks(workload), decision.notes, decision.refused);
  const marked = withMarks(workload, renderResolved(nameOf(workload), parsed.given));
  return changed(workload, marked, decision.notes, null);
};

/** The settings of a workload as they hold: its own over a CaptureConfig's over a ClusterCaptureConfig's. */
export function workloadSettings(
  workload: KubeObject,
  facts: Omit<WorkloadFacts, 'podSecurity'>,
): ParsedSettings {
  const template = templateOf(workload);
  const labels = { ...template?.metadata?.labels, ...workload.metadata.labels };
  const inNamespace = facts.clusterConfigs.filter(({ namespaceSelector }) =>
    namespaceSelector
      ? selectorMatches(namespaceSelector, facts.namespaceLabels)
      : !SYSTEM_NAMESPACES.has(facts.namespaceLabels[NAMESPACE_NAME] ?? ''),
  );
  const defaults: Marks = {};
  for (const config of [...inNamespace.toReversed(), ...facts.captureConfigs.toReversed()])
    Object.assign(defaults, settingsFrom(config, labels));
  // A replay answers for the dependencies of a workload that nobody captures through a sidecar of its own time.
  if (template?.metadata?.annotations?.[RUN_ANNOTATION] !== undefined) defaults.inject = 'true';
  return parseSettings({ ...workload.metadata.annotations, ...template?.metadata?.annotations }, defaults);
}

/** A selector captures what it matches; a config without one is defaults for all. */
function settingsFrom({ selector, settings }: CaptureConfigSpec, labels: Marks): Marks {
  if (!selector) return settings;
  return selectorMatches(selector, labels) ? { inject: 'true', ...settings } : {};
}

function isIgnored(workload: KubeObject, template: PodTemplate, { namespaceLabels }: WorkloadFacts): boolean {
  const marks = [workload.metadata, template.metadata].flatMap((meta) => [meta?.labels, meta?.annotations]);
  return [...marks, namespaceLabels].some((some) => some?.[IGNORE_KEY] === 'true');
}

/** `refused`: why, where the outcome is that nothing is to be done. */
function changed(
  before: KubeObject,
  after: KubeObject,
  notes: Note[],
  refused: string | null,
): Injected<KubeObject> {
  if (isEqual(before, after)) return { object: before, notes, refused };
  const isFixed = before.kind === 'Job' && before.metadata.resourceVersion !== undefined;
  if (isFixed)
    return { object: before, notes, refused: 'the pod template of a Job cannot be changed any more' };
  return { object: after, notes, refused: null };
}

function withMarks(workload: KubeObject, resolved: string): KubeObject {
  const object = structuredClone(workload);
  const template = templateOf(object)!;
  const { annotations, labels } = template.metadata ?? {};
  template.metadata = {
    ...template.metadata,
    annotations: { ...annotations, [RESOLVED_ANNOTATION]: resolved },
    labels: { ...labels, [INJECT_LABEL]: 'true' },
  };
  return object;
}

function withoutMarks(workload: KubeObject): KubeObject {
  const object = structuredClone(workload);
  const template = templateOf(object)! as PodTemplate & { metadata: ObjectMeta };
  if (template.metadata?.annotations?.[INVERSE_ANNOTATION] !== undefined) {
    const { metadata, spec } = uninjectPod(template);
    Object.assign(template, { metadata, spec });
  }
  // A label without the annotation is the user's own.
  if (template.metadata?.annotations?.[RESOLVED_ANNOTATION] === undefined) return object;
  removeMark(template.metadata, 'annotations', RESOLVED_ANNOTATION);
  removeMark(template.metadata, 'labels', INJECT_LABEL);
  if (template.metadata && Object.keys(template.metadata).length === 0)
    delete (template as PodTemplate).metadata;
  return object;
}

/** A map that becomes empty goes too, as an API server would have it. */
function removeMark(metadata: ObjectMeta | undefined, field: 'annotations' | 'labels', key: string): void {
  const marks = metadata?.[field];
  if (!marks || !(key in marks)) return;
  delete marks[key];
  if (Object.keys(marks).length === 0) delete metadata[field];
}
