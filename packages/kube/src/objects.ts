// Small questions about objects and resources: keys, paths, owners. Pure.
import type { Key, Meta, Obj, Ref, Resource } from './contract.ts';

type OwnerReference = NonNullable<Meta['ownerReferences']>[number];

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: { metadata: Pick<Meta, 'name' | 'namespace'> }): Key {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The reference a key stands for. */
export function refOf(key: Key): Ref {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The key of a reference, the same as that of its object. */
export function keyOfRef({ namespace, name }: Ref): Key {
  return namespace ? `${namespace}/${name}` : name;
}

/** `v1`, or `group/version`. */
export function apiVersionOf({ group, version }: Resource): string {
  return group ? `${group}/${version}` : version;
}

/** Path of all objects of a resource, in one namespace or in all. */
export function collectionPathOf(resource: Resource, namespace?: string): string {
  const base = resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`;
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${scope}/${resource.plural}`;
}

/** Path of one object. Throws when a namespaced resource is asked for without a namespace. */
export function pathOf(resource: Resource, { namespace, name }: Ref): string {
  if (resource.namespaced && !namespace) throw new Error(`${resource.kind} ${name} needs a namespace`);
  if (!name) throw new Error(`a ${resource.kind} needs a name`);
  return `${collectionPathOf(resource, namespace)}/${encodeURIComponent(name)}`;
}

/** Whether `owner` (by uid: a name can be used again) is among the owners of `object`. */
export function ownedBy(object: Obj, owner: { metadata: Pick<Meta, 'uid'> } | string): boolean {
  const uid = typeof owner === 'string' ? owner : owner.metadata.uid;
  return uid !== undefined && (object.metadata.ownerReferences ?? []).some((each) => each.uid === uid);
}

/** The owner that manages `object`, such as the ReplicaSet of a pod. */
export function controllerOf(object: {
  metadata: Pick<Meta, 'ownerReferences'>;
}): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** What an object writes of its controller `owner`; the garbage collector removes it with the owner. */
export function ownerReference(owner: Obj): OwnerReference {
  const { name, uid } = owner.metadata;
  if (!uid) throw new Error(`${owner.kind} ${name} has no uid: it was not read from the API server`);
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true };
}
