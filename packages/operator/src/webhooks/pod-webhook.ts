// /pods: injects from the pod alone and what the caches hold; no call to the API server is made. Whatever is in the way
// leaves the pod as it is and says so.
import { injectPod } from '@echoplane/injection';
import { WEBHOOK_PATHS, workloadOfPod } from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';
import type { Decision } from './admission-review.ts';
import { namespaceRefusal, podFacts, type WiringOf } from './facts.ts';
import type { Webhook } from './webhook-server.ts';

/** The webhook that injects. */
export function podWebhook(context: OperatorContext, wiringOf: WiringOf): Webhook {
  return {
    path: WEBHOOK_PATHS.pods,
    failOpen: true,
    decide({ object, namespace, operation, dryRun }): Decision {
      if (operation !== 'CREATE' || namespaceRefusal(context, namespace) !== null) return { allowed: true };
      const {
        object: injected,
        notes,
        refused,
      } = injectPod(object, podFacts(context, namespace, object, wiringOf));
      const { kind, name } = workloadOfPod(object);
      // The pod has no uid yet, and often no name: what is to be told is told of its workload.
      const about = { apiVersion: apiVersionOfKind(kind), kind, metadata: { name, namespace } };
      // A dry run leaves no trace.
      if (name && !dryRun) for (const note of notes) context.events.record(about, note);
      const warnings = notes
        .filter(({ type }) => type === 'Warning')
        .map(({ message }) => `Echoplane: ${message}`);
      return refused === null
        ? { allowed: true, object: injected, warnings }
        : { allowed: true, warnings: [`Echoplane: this pod is not injected: ${refused}`, ...warnings] };
    },
  };
}

function apiVersionOfKind(kind: string): string {
  if (kind === 'Job' || kind === 'CronJob') return 'batch/v1';
  if (kind === 'Rollout') return 'argoproj.io/v1alpha1';
  return kind === 'Pod' ? 'v1' : 'apps/v1';
}
