// Replays in a cluster, as the operator's app needs them: the reconciler, the wiring for the pod webhook, the artifact
// endpoint, admission, and replays that begin with a rollout.
export { defaultReplay, validateReplay } from './admission.ts';
export { artifactRoutes } from './artifact-routes.ts';
export type { ReplayContext } from './replay-context.ts';
export { replayReconciler } from './replay-reconciler.ts';
export { rolloutTrigger } from './rollout-trigger.ts';
export { wiringOf } from './wiring-of.ts';
