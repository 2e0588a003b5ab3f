// Admission of TrafficReplays: what the operator can refuse at once is refused with its path and what to do; `suspend` and
// `cancel` are all that may change of a spec. Pure.
import type { Obj } from '@echoplane/kube';
import { parseTrafficReplay } from '@echoplane/resources';
import { STATE_URL, sharedNames } from './secret-mounts.ts';
import { ROLLED_KINDS, rolledResource, stableJson } from './target-state.ts';
import { testConfigOf } from './test-config.ts';

export interface ReplayProblem {
  path: string;
  /** What is wrong, and what to do. */
  message: string;
}

const CHANGEABLE = new Set(['suspend', 'cancel']);

/** Every problem of an object that is created, or changed from `before`; none for one that is being deleted. */
export function validateReplay(object: Obj, before: Obj | null): ReplayProblem[] {
  if (object.metadata.deletionTimestamp) return [];
  if (before) return changes(before.spec ?? {}, object.spec ?? {});
  const parsed = parseTrafficReplay(object);
  if ('problems' in parsed) return parsed.problems;
  const problems: ReplayProblem[] = [];
  for (const [index, { ref }] of parsed.spec.workloads.entries()) {
    if (ref && !rolledResource(ref))
      problems.push({
        path: `spec.workloads[${index}].ref.kind`,
        message: `is ${ref.apiVersion} ${ref.kind}, whose pods do not follow its template; name one of ${ROLLED_KINDS.join(', ')}`,
      });
  }
  const config = testConfigOf(parsed.spec.testConfig);
  if ('problem' in config) problems.push({ path: 'spec.testConfig', message: config.problem });
  for (const name of new Set(parsed.spec.secretRefs.map(({ as }) => as)))
    if (!/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name))
      problems.push({
        path: 'spec.secretRefs',
        message: `as: ${JSON.stringify(name)} is no file name; use letters, digits, - _ .`,
      });
  for (const name of sharedNames(parsed.spec.secretRefs))
    problems.push({
      path: 'spec.secretRefs',
      message: `as: ${JSON.stringify(name)} stands for several Secrets; one name can hold several keys of one Secret only`,
    });
  if (parsed.spec.secretRefs.filter(({ as }) => as === STATE_URL).length > 1)
    problems.push({ path: 'spec.secretRefs', message: `as: "${STATE_URL}" stands there twice; name one` });
  return problems;
}

function changes(before: Record<string, unknown>, after: Record<string, unknown>): ReplayProblem[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (field) => !CHANGEABLE.has(field),
  );
  const changed = fields.filter((field) => stableJson(before[field]) !== stableJson(after[field]));
  const problems = changed.map((field) => ({
    path: `spec.${field}`,
    message:
      'cannot be changed once it is created, only suspend and cancel can; create another TrafficReplay',
  }));
  if (before.cancel === true && after.cancel !== true)
    problems.push({
      path: 'spec.cancel',
      message: 'a cancelled replay cannot go on; create another TrafficReplay',
    });
  return problems;
}

/** The object with every default written out, so that what will be done can be read; as it is when it is not valid. */
export function defaultReplay(object: Obj): Obj {
  const parsed = parseTrafficReplay(object);
  if ('problems' in parsed) return object;
  const { namespace } = object.metadata;
  const workloads = parsed.spec.workloads.map((one) =>
    one.ref && namespace ? { ...one, ref: { ...one.ref, namespace: one.ref.namespace ?? namespace } } : one,
  );
  return { ...object, spec: { ...object.spec, ...parsed.spec, workloads } };
}
