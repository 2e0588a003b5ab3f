// What a namespace enforces of its pods, by its labels and annotations. Defaults of the API server (its admission
// configuration) and grants of OpenShift's security context constraints are written on no namespace: they are not seen.
import type { PodSecurity } from './contract.ts';

const ENFORCE = 'pod-security.kubernetes.io/enforce';
/** OpenShift gives each namespace a range of users; its constraints then refuse what `restricted` refuses. */
const SCC = 'openshift.io/sa.scc.';

type Marks = Readonly<Record<string, string>>;

/** Whether a label or annotation of a namespace matters here. */
export function isSecurityMark(key: string): boolean {
  return key === ENFORCE || key.startsWith(SCC);
}

/** The enforced level; an unknown word counts as none, as in the API server. */
export function podSecurityOf({
  labels = {},
  annotations = {},
}: {
  labels?: Marks;
  annotations?: Marks;
}): PodSecurity {
  const level = labels[ENFORCE];
  if (level === 'restricted' || Object.keys(annotations).some((key) => key.startsWith(SCC)))
    return 'restricted';
  return level === 'baseline' ? level : 'privileged';
}
