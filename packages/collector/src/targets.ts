// What is watched: pods by namespace and label selector, and workloads by name, as the settings write them. Pure.

/** Pods of a namespace that a label selector picks. */
export interface Target {
  namespace: string;
  selector: string;
}

/** A workload whose Events are of interest. */
export interface WorkloadName {
  namespace: string;
  kind: string;
  name: string;
}

const NAMESPACE = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const TARGET = new RegExp(`^(${NAMESPACE})/(\\S.*)$`);
const WORKLOAD = new RegExp(`^(${NAMESPACE})/([A-Z][A-Za-z]*)/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)$`);

/** `namespace/selector;namespace/selector`: selectors hold commas and slashes. Null for an item that is none. */
export function parseTargets(text: string): (Target | null)[] {
  return itemsOf(text, ';').map((item) => {
    const [, namespace, selector] = TARGET.exec(item) ?? [];
    return namespace && selector ? { namespace, selector } : null;
  });
}

/** `namespace/Kind/name,…`. Null for an item that is none. */
export function parseWorkloads(text: string): (WorkloadName | null)[] {
  return itemsOf(text, ',').map((item) => {
    const [, namespace, kind, name] = WORKLOAD.exec(item) ?? [];
    return namespace && kind && name ? { namespace, kind, name } : null;
  });
}

/** Kinds that a workload makes with its own name in front. */
const MADE = new Set(['ReplicaSet', 'Job', 'ControllerRevision']);

/** Whether an Event's object is one of the workloads, or was made by one. */
export function isOfWorkload(
  namespace: string,
  object: { kind: string; name: string },
  workloads: readonly WorkloadName[],
): boolean {
  return workloads.some(
    (workload) =>
      workload.namespace === namespace &&
      ((workload.kind === object.kind && workload.name === object.name) ||
        (MADE.has(object.kind) && object.name.startsWith(`${workload.name}-`))),
  );
}

function itemsOf(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
