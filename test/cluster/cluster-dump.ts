// Everything that an API server holds, as text by name, without what changes by itself: times, versions, names and
// addresses that are made up, and the history that controllers keep of rollouts. Two dumps show what somebody left behind.
import type { Cluster } from './api-server.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
type Raw = any;

/** Kind/namespace/name → the object; generated parts of names are `*`. */
export type Dump = ReadonlyMap<string, string>;

/** Kept by controllers, and of no meaning to anybody else. */
const CHANGING = [
  'deployment.kubernetes.io/revision',
  'deployment.kubernetes.io/revision-history',
  'endpoints.kubernetes.io/last-change-trigger-time',
  'pv.kubernetes.io/bound-by-controller',
];

export async function dump({ kubectl }: Pick<Cluster, 'kubectl'>): Promise<Dump> {
  const names = (await kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
  const kinds = names.filter((name) => !/^events(\.|$)/.test(name));
  const { items } = JSON.parse(await kubectl(['get', kinds.join(','), '-A', '-o', 'json']));
  const found = new Map<string, string>();
  for (const object of items as Raw[]) {
    if (isHistory(object)) continue;
    const { kind, metadata } = object;
    const key = `${kind}/${metadata.namespace ?? ''}/${nameOf(metadata)}`;
    found.set(key, JSON.stringify(normal(object), sorted));
  }
  return found;
}

/** `+ key` is new, `- key` is gone, `~ key` is another: each with what it is and was. */
export function differences(before: Dump, after: Dump): string[] {
  const lines: string[] = [];
  for (const [key, text] of before) {
    const now = after.get(key);
    if (now === undefined) lines.push(`- ${key}`);
    else if (now !== text) lines.push(`~ ${key}\n  was ${text}\n  is  ${now}`);
  }
  for (const key of after.keys()) if (!before.has(key)) lines.push(`+ ${key}`);
  return lines.sort();
}

function sorted(_: string, value: Raw): Raw {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isHistory({ kind, metadata, spec }: Raw): boolean {
  if (kind === 'Lease') return metadata.namespace === 'kube-node-lease';
  if (kind === 'ReplicaSet') return spec.replicas === 0 && metadata.ownerReferences !== undefined;
  return kind === 'Pod' && metadata.deletionTimestamp !== undefined;
}

function nameOf({ name, generateName }: Raw): string {
  return generateName === undefined ? name : `${generateName}*`;
}

function normal({ status: _, ...object }: Raw): Raw {
  const { labels, annotations, finalizers, ownerReferences, deletionTimestamp } = object.metadata;
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !CHANGING.includes(key));
  const metadata = {
    ...{ labels, finalizers, isGoing: deletionTimestamp !== undefined },
    annotations: Object.fromEntries(kept),
    owners: ownerReferences?.map(({ kind, name }: Raw) => `${kind} ${name}`),
  };
  return withoutChanging({ ...object, metadata });
}

function withoutChanging(object: Raw): Raw {
  const { kind, spec, ...rest } = object;
  if (kind === 'Lease') return { kind, ...rest };
  if (kind === 'EndpointSlice' || kind === 'Endpoints')
    return { kind, ...rest, endpoints: null, subsets: null };
  // A volume whose claim is gone stays bound to its name, as its reclaim policy says.
  if (kind === 'PersistentVolume') return { kind, ...rest, spec: { ...spec, claimRef: null } };
  // Its controller copies the annotations of the Deployment here, and never takes one away.
  if (kind === 'ReplicaSet')
    return { kind, ...rest, spec, metadata: { ...rest.metadata, annotations: null } };
  if (kind === 'Pod') return { kind, ...rest, spec: withoutTokens(spec) };
  return object;
}

function withoutTokens(spec: Raw): Raw {
  return JSON.parse(JSON.stringify(spec).replace(/kube-api-access-[a-z0-9]+/g, 'kube-api-access-*'));
}
