// The coverage reconciler, for each workload (key `Kind/namespace/name`): what the webhooks missed is done, what cannot be
// done is reported, and a workload whose new pods cannot start because of our containers is given back.
//
//   facts (caches, the object) ─▶ template as resolved? ─no─▶ patch, against the version that was read
//                                     └─yes─▶ pods: stuck by us ─▶ un-inject   not injected, paused, OnDelete ─▶ report
//
// It never deletes a user's pod.
import { jsonPatch, type Note, resolveWorkload } from '@echoplane/injection';
import { isConflict, KubeError, type Obj, type Outcome, RESOURCES, type Reconciler } from '@echoplane/kube';
import {
  hasSettings,
  IGNORE_KEY,
  INJECT_LABEL,
  type KubeObject,
  RUN_ANNOTATION,
  WORKLOADS,
} from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import type { WorkloadView } from '../views.ts';
import { namespaceRefusal, workloadFacts } from '../webhooks/facts.ts';
import { STUCK_MS, stuckBy } from './stuck-pods.ts';
import { leftAlone } from './template-change.ts';

export interface CoverageOptions {
  context: OperatorContext;
  /** Makes the interception CA of a namespace. */
  ensureAuthority: (namespace: string) => Promise<void>;
}

const DONE: Outcome = { again: 'no' };
/** Somebody else wrote in between, or no operator answers webhooks yet: look again soon. */
const SOON: Outcome = { again: 'after', ms: 500 };
const REPORT_AGAIN_MS = 60_000;

export interface CoverageReconciler extends Reconciler {
  /** Pods that should have been injected and were not, by workload key. */
  readonly gaps: ReadonlyMap<string, number>;
}

export function coverageReconciler({ context, ensureAuthority }: CoverageOptions): CoverageReconciler {
  const gaps = new Map<string, number>();
  return {
    name: 'coverage',
    gaps,
    async reconcile(key) {
      const view = viewOf(context, key);
      if (!view || !concernsUs(context, view)) {
        gaps.delete(key);
        return DONE;
      }
      const changed = await resolveAgain(context, view, ensureAuthority);
      if (changed !== 'settled') return changed === 'again' ? SOON : DONE;
      return reportPods(context, view, key, gaps);
    },
  };
}

/** The key of a workload. */
export function coverageKey({ kind, metadata }: Pick<WorkloadView, 'kind' | 'metadata'>): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

function viewOf({ caches }: OperatorContext, key: string): WorkloadView | undefined {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return caches.workloads.get(kind)?.get({ namespace, name });
}

/** Told by the cache alone, so that the workloads of others cost no call. */
export function concernsUs(context: OperatorContext, { metadata, template }: WorkloadView): boolean {
  const namespace = metadata.namespace ?? '';
  if (metadata.deletionTimestamp !== undefined || template === null) return false;
  if (namespaceRefusal(context, namespace) !== null) return false;
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return false;
  if (metadata.labels[IGNORE_KEY] === 'true' || metadata.annotations[IGNORE_KEY] === 'true') return false;
  const isMarked = hasSettings(metadata.annotations) || hasSettings(template.annotations);
  const isWired = template.annotations[RUN_ANNOTATION] !== undefined;
  if (isMarked || isWired || template.labels[INJECT_LABEL] !== undefined) return true;
  const { captureConfigs, clusterConfigs } = workloadFacts(context, namespace);
  return [...captureConfigs, ...clusterConfigs].some(({ selector }) => selector !== undefined);
}

/** Step 1 of injection, for what the webhook did not see. */
async function resolveAgain(
  context: OperatorContext,
  view: WorkloadView,
  ensureAuthority: (namespace: string) => Promise<void>,
): Promise<'settled' | 'changed' | 'again'> {
  const { client, caches, events } = context;
  const { resource } = caches.workloads.get(view.kind)!;
  const namespace = view.metadata.namespace!;
  const present = await client.get(resource, { namespace, name: view.metadata.name });
  if (!present) return 'changed';
  const full = { ...present, apiVersion: view.apiVersion, kind: view.kind };
  const { object, notes, refused } = resolveWorkload(
    full as unknown as KubeObject,
    workloadFacts(context, namespace),
  );
  for (const note of notes) events.record(view, note);
  if (refused !== null) events.record(view, warning('NotInjected', refused));
  if (jsonPatch(full, object).length === 0) {
    if (view.template?.labels[INJECT_LABEL] === 'true') await ensureAuthority(namespace);
    return 'settled';
  }
  if (view.kind === 'Job') {
    events.record(
      view,
      warning('NotInjected', 'The pod template of a Job cannot be changed; make the Job again.'),
    );
    return 'settled';
  }
  await ensureAuthority(namespace);
  if (!(await isServing(context))) return 'again';
  if (!(await patchAgainst(context, view, full, object))) return 'again';
  events.record(view, {
    type: 'Normal',
    reason: 'Resolved',
    message: 'The settings were written onto the pod template.',
  });
  return 'changed';
}

/** Until the API server reaches a ready operator, the pods of a rollout that we begin would start without us. */
async function isServing({ client, config }: OperatorContext): Promise<boolean> {
  const ref = { namespace: config.namespace, name: WORKLOADS.operator };
  const operator = await client.get(RESOURCES.deployments, ref);
  return operator === null || (operator.status?.readyReplicas ?? 0) > 0;
}

/** Changes exactly what differs, unless somebody wrote in between. */
async function patchAgainst(
  { client, caches }: OperatorContext,
  view: WorkloadView,
  before: Obj,
  after: unknown,
): Promise<boolean> {
  const { resourceVersion } = before.metadata;
  const { namespace = '', name } = before.metadata;
  const guard = { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
  const operations = [guard, ...jsonPatch(before, after)];
  try {
    const { resource } = caches.workloads.get(view.kind)!;
    await client.patch(resource, { namespace, name }, operations, { type: 'json' });
    return true;
  } catch (err) {
    // A test that fails is answered 422 with this word.
    const isPassed =
      err instanceof KubeError && err.status === 422 && /testing|test operation/i.test(err.message);
    if (isConflict(err) || isPassed) return false;
    throw err;
  }
}

async function reportPods(
  context: OperatorContext,
  view: WorkloadView,
  key: string,
  gaps: Map<string, number>,
): Promise<Outcome> {
  const { caches, clock, events } = context;
  if (view.template?.labels[INJECT_LABEL] !== 'true') {
    gaps.delete(key);
    return DONE;
  }
  const { namespace, name } = view.metadata;
  const pods = [...caches.pods.by('workload', `${namespace}/${view.kind}/${name}`)];
  const nowMs = clock.nowUs() / 1_000;
  const stuck = pods.map(stuckBy).filter((one) => one !== null);
  const worst = stuck.sort((a, b) => a.sinceMs - b.sinceMs)[0];
  if (worst && nowMs - worst.sinceMs >= STUCK_MS) {
    await giveBack(context, view, `${worst.container}: ${worst.reason}`);
    gaps.delete(key);
    return DONE;
  }
  const missed = pods.filter(
    ({ isInjected, phase }) => !isInjected && phase !== 'Succeeded' && phase !== 'Failed',
  ).length;
  if (missed > 0) {
    gaps.set(key, missed);
    const said = `${missed} pods started without the sidecar; they get it when they are replaced.`;
    events.record(view, warning('PodsNotInjected', said));
  } else gaps.delete(key);
  const waits = waitsFor(view);
  if (waits !== null) events.record(view, warning('RolloutNeeded', waits));
  if (worst) return { again: 'after', ms: Math.max(1_000, worst.sinceMs + STUCK_MS - nowMs) };
  return missed > 0 || waits !== null ? { again: 'after', ms: REPORT_AGAIN_MS } : DONE;
}

/** Why the pods of a resolved template are still those of before; null when nobody needs to do anything. */
function waitsFor({ kind, paused, strategy, desired, updated }: WorkloadView): string | null {
  if (kind === 'Job' || kind === 'CronJob' || updated >= desired) return null;
  if (paused) return 'The rollout is paused: its pods get the sidecar when it is resumed.';
  const isManual = strategy === 'OnDelete';
  return isManual ? 'Its strategy is OnDelete: pods get the sidecar when you delete them.' : null;
}

async function giveBack(context: OperatorContext, view: WorkloadView, why: string): Promise<void> {
  const { client, caches, events, log } = context;
  const { resource } = caches.workloads.get(view.kind)!;
  const { namespace, name } = view.metadata;
  const present = await client.get(resource, { namespace, name });
  if (!present || view.kind === 'Job') return;
  const full = { ...present, apiVersion: view.apiVersion, kind: view.kind };
  if (!(await patchAgainst(context, view, full, leftAlone(full, why))))
    throw new Error('it was changed meanwhile');
  log.warn({ workload: coverageKey(view), why }, 'a workload was un-injected because its pods did not start');
  const said = `Its new pods did not start because of Echoplane's containers (${why}), so it runs without them. Mend that, then remove the annotations ${IGNORE_KEY} and operator.echoplane.dev/stuck.`;
  events.record(view, warning('Uninjected', said));
}

const warning = (reason: string, message: string): Note => ({ type: 'Warning', reason, message });
