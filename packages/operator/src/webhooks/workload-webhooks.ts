// /workloads writes the resolved settings onto the pod template; /validate-workloads refuses settings that cannot hold, with
// the field, the value and what is allowed; /validate-capture-configs does the same for settings kept in git.
import { resolveWorkload } from '@echoplane/injection';
import {
  describeProblem,
  INJECT_LABEL,
  parseCaptureConfig,
  parseClusterCaptureConfig,
  parseSettings,
  WEBHOOK_PATHS,
} from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import { templateOf } from '../views.ts';
import type { AdmissionRequest, Decision, Raw } from './admission-review.ts';
import { namespaceRefusal, workloadFacts } from './facts.ts';
import type { Webhook } from './webhook-server.ts';

/** Pods start without the CA: TLS then passes through. An admission does not wait longer for it. */
const AUTHORITY_BUDGET_MS = 1_000;

/** The mutating webhook of workloads; `ensureAuthority` makes the namespace's interception CA. */
export function workloadWebhook(
  context: OperatorContext,
  ensureAuthority: (namespace: string) => Promise<void>,
): Webhook {
  return {
    path: WEBHOOK_PATHS.workloads,
    failOpen: true,
    async decide({ object, namespace, dryRun, operation }): Promise<Decision> {
      // The template of a Job cannot be changed once it is there.
      if (object.kind === 'Job' && operation !== 'CREATE') return { allowed: true };
      if (namespaceRefusal(context, namespace) !== null) return { allowed: true };
      const { object: resolved, notes, refused } = resolveWorkload(object, workloadFacts(context, namespace));
      const warnings = notes
        .filter(({ type }) => type === 'Warning')
        .map(({ message }) => `Echoplane: ${message}`);
      if (refused !== null) return { allowed: true, warnings: [`Echoplane: ${refused}`, ...warnings] };
      const isInjected = templateOf(resolved as Raw)?.metadata?.labels?.[INJECT_LABEL] === 'true';
      const isThere = !isInjected || dryRun || (await withinBudget(context, namespace, ensureAuthority));
      return { allowed: true, object: resolved, warnings, withoutAuthority: !isThere };
    },
  };
}

/** Whether the CA is there in time; else it comes as soon as it can be made, and the sidecars look for it. */
async function withinBudget(
  { clock, log }: OperatorContext,
  namespace: string,
  ensureAuthority: (namespace: string) => Promise<void>,
): Promise<boolean> {
  const done = new AbortController();
  const settled = ensureAuthority(namespace).then(
    () => true,
    (err) => {
      log.warn({ err, namespace }, 'the CA of a namespace is not there yet');
      return false;
    },
  );
  const late = clock.sleep(AUTHORITY_BUDGET_MS, done.signal).then(() => false);
  const isThere = await Promise.race([settled, late]);
  done.abort();
  return isThere;
}

/** The validating webhooks of workloads and capture configs. */
export function settingsWebhooks(context: OperatorContext): Webhook[] {
  return [
    {
      path: WEBHOOK_PATHS.validateWorkloads,
      failOpen: true,
      decide: (request) => (isOurs(context, request) ? judgeWorkload(request.object) : { allowed: true }),
    },
    { path: WEBHOOK_PATHS.captureConfigs, failOpen: false, decide: judgeCaptureConfig },
  ];
}

function isOurs(context: OperatorContext, { object, namespace }: AdmissionRequest): boolean {
  return object?.metadata?.deletionTimestamp === undefined && namespaceRefusal(context, namespace) === null;
}

function judgeWorkload(object: Raw): Decision {
  const own = { ...templateOf(object)?.metadata?.annotations, ...object.metadata?.annotations };
  const parsed = parseSettings(own);
  if (!('problems' in parsed)) return { allowed: true };
  return { allowed: false, message: parsed.problems.map(describeProblem).join(' ') };
}

function judgeCaptureConfig({ object }: AdmissionRequest): Decision {
  if (object === null || object.metadata?.deletionTimestamp !== undefined) return { allowed: true };
  const parsed =
    object.kind === 'CaptureConfig' ? parseCaptureConfig(object) : parseClusterCaptureConfig(object);
  if (!('problems' in parsed)) return { allowed: true };
  const message = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return { allowed: false, message };
}
