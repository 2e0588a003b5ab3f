// What a cluster is delivered with, as objects: the Service of its DNS, and a default StorageClass with volumes in folders
// of the node. Pure.
import { join } from 'node:path';
import type { NodeAddresses } from './node-addresses.ts';

/** How many claims a cluster can bind in its life. */
const VOLUMES = 24;

export function nodeObjects(addresses: NodeAddresses, volumeFolders: string[]): unknown {
  const items = [...dnsObjects(addresses), storageClass(), ...volumeFolders.map(volumeOf(addresses))];
  return { apiVersion: 'v1', kind: 'List', items };
}

/** Folders that the volumes stand for; they must be there. */
export function volumeFolders(folder: string): string[] {
  return Array.from({ length: VOLUMES }, (_, index) => join(folder, 'volumes', `volume-${index}`));
}

function dnsObjects({ node, dnsService }: NodeAddresses): unknown[] {
  const metadata = { name: 'kube-dns', namespace: 'kube-system' };
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const slice = { ...metadata, labels: { 'kubernetes.io/service-name': 'kube-dns' } };
  const read = ['list', 'watch'];
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' };
  const user = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:coredns' };
  return [
    {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
      metadata: { name: 'system:coredns' },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: read },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
      ],
    },
    {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' },
      ...{ metadata: { name: 'system:coredns' }, roleRef: role, subjects: [user] },
    },
    // Without a selector: CoreDNS is a process of the node.
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: dnsService, ports } },
    {
      ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: slice },
      ...{ addressType: 'IPv4', endpoints: [{ addresses: [node] }], ports },
    },
  ];
}

function storageClass(): unknown {
  return {
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' },
    metadata: {
      name: 'local',
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    ...{ provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' },
  };
}

/** A local volume: its root belongs to root unless the pod names an fsGroup, as a cloud's disk does. */
function volumeOf({ nodeName }: NodeAddresses) {
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] };
  return (path: string, index: number) => ({
    ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `volume-${index}` } },
    spec: {
      ...{ capacity: { storage: '100Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'local' },
      ...{ persistentVolumeReclaimPolicy: 'Retain', local: { path } },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
    },
  });
}
