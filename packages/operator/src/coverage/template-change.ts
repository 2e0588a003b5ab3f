// What coverage may change of a workload: its pod template's label and annotation, and the mark that says why it was left
// alone. Pure; nothing else of the object is touched.
import type { Obj } from '@echoplane/kube';
import { IGNORE_KEY, INJECT_LABEL, RESOLVED_ANNOTATION } from '@echoplane/resources';
import { templateOf } from '../views.ts';

/** Why coverage set `ignore` on a workload: its pods could not start because of us. People remove both to try again. */
export const STUCK_ANNOTATION = 'operator.echoplane.dev/stuck';

/** The workload without what injection wrote on its template. */
function withoutInjection(workload: Obj): Obj {
  const changed = structuredClone(workload);
  const metadata = templateOf(changed)?.metadata;
  if (!metadata) return changed;
  delete metadata.labels?.[INJECT_LABEL];
  delete metadata.annotations?.[RESOLVED_ANNOTATION];
  if (metadata.annotations && Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  return changed;
}

/** Likewise, and left alone from now on: neither we nor the webhook try again by ourselves. */
export function leftAlone(workload: Obj, reason: string): Obj {
  const changed = withoutInjection(workload);
  changed.metadata.annotations = {
    ...changed.metadata.annotations,
    [IGNORE_KEY]: 'true',
    [STUCK_ANNOTATION]: reason,
  };
  return changed;
}

/** The workload as if we had never been there: the mark goes too, if it is ours. */
export function untouched(workload: Obj): Obj {
  const changed = withoutInjection(workload);
  const { annotations } = changed.metadata;
  if (annotations?.[STUCK_ANNOTATION] === undefined) return changed;
  delete annotations[STUCK_ANNOTATION];
  delete annotations[IGNORE_KEY];
  return changed;
}
