// Injection of manifests without a cluster, for GitOps and for clusters without our webhooks: the template is resolved and
// injected at once. What `undone` needs lies in an annotation: on the template for what a pod gets, on the object for the
// rest.
import {
  INJECT_ANNOTATION,
  INVERSE_ANNOTATION,
  type KubeObject,
  type Pod,
  type PodTemplate,
  RESOLVED_ANNOTATION,
} from '@echoplane/resources';
import type { Injected, Note, PodFacts, WorkloadFacts } from './contract.ts';
import { injectPod } from './inject-pod.ts';
import { templateOf } from './pod-templates.ts';
import { resolveWorkload } from './resolve-workload.ts';
import { rememberUndo, undone } from './undo.ts';

export type ManifestFacts = Omit<PodFacts, 'wiring' | 'replayId' | 'isolate'> &
  Omit<WorkloadFacts, 'podSecurity'>;

const NO_REPLAY = { wiring: null, replayId: null, isolate: false };

/** Injects one object of a manifest; those without pods come back as they are. inject∘inject = inject. */
export function injectManifest(object: KubeObject, facts: ManifestFacts): Injected<KubeObject> {
  const before = uninjectManifest(object);
  const refuse = (refused: string, notes: Note[] = []): Injected<KubeObject> => ({ object, notes, refused });
  if (before.kind === 'Pod' && before.apiVersion === 'v1') {
    const {
      object: pod,
      notes,
      refused,
    } = injectPod(asked(before) as unknown as Pod, { ...facts, ...NO_REPLAY });
    if (refused !== null) return refuse(refused, notes);
    delete pod.metadata.annotations?.[INVERSE_ANNOTATION];
    rememberUndo(pod, before as unknown as Pod);
    return { object: pod, notes, refused: null };
  }

  const resolved = resolveWorkload(asked(before), facts);
  if (resolved.refused !== null) return refuse(resolved.refused, resolved.notes);
  const after = structuredClone(resolved.object);
  const template = templateOf(after)!;
  if (template.metadata?.annotations?.[RESOLVED_ANNOTATION] === undefined)
    return refuse('injection was not asked for', resolved.notes);
  // Of what is beside the template's injection, which the template remembers itself.
  rememberUndo(after, before);
  const injected = injectPod(podOf(template), { ...facts, ...NO_REPLAY });
  if (injected.refused !== null) return refuse(injected.refused, injected.notes);
  const { metadata, spec } = injected.object;
  Object.assign(template, { metadata, spec });
  return { object: after, notes: [...resolved.notes, ...injected.notes], refused: null };
}

/** The object as it was before `injectManifest`, with all edits since. */
export function uninjectManifest(object: KubeObject): KubeObject {
  const result = structuredClone(object);
  const template = templateOf(result);
  const plain = template?.metadata ? undone(podOf(template)) : null;
  if (template && plain) Object.assign(template, { metadata: plain.metadata, spec: plain.spec });
  return undone(result) ?? result;
}

/** Being injected by hand is asking for it, unless the manifest says otherwise. */
function asked(object: KubeObject): KubeObject {
  const marks = { ...object.metadata.annotations, ...templateOf(object)?.metadata?.annotations };
  if (marks[INJECT_ANNOTATION] !== undefined) return object;
  const metadata = {
    ...object.metadata,
    annotations: { ...object.metadata.annotations, [INJECT_ANNOTATION]: 'true' },
  };
  return { ...object, metadata };
}

function podOf({ metadata = {}, spec }: PodTemplate): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
}
