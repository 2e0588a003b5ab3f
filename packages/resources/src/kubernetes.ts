// The parts of Kubernetes' own objects that we read and write, as plain JSON. Every object keeps the fields that are not
// named here: nothing of ours may drop what it does not know.

/** Anything JSON that we pass on. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
/** A type with known fields that keeps all others. */
export type Open<T> = T & { [key: string]: unknown };

export type OwnerReference = Open<{
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}>;
export type ObjectMeta = Open<{
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}>;
export type KubeObject = Open<{ apiVersion: string; kind: string; metadata: ObjectMeta }>;

export type EnvVar = Open<{ name: string; value?: string; valueFrom?: unknown }>;
export type ContainerPort = Open<{ name?: string; containerPort: number; protocol?: string }>;
export type Probe = Open<{
  httpGet?: Open<{ path?: string; port: number | string; scheme?: string; host?: string }>;
  tcpSocket?: Open<{ port: number | string; host?: string }>;
  grpc?: Open<{ port: number; service?: string }>;
  exec?: unknown;
}>;
export type VolumeMount = Open<{ name: string; mountPath: string; readOnly?: boolean; subPath?: string }>;
export type Container = Open<{
  name: string;
  image?: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  env?: EnvVar[];
  envFrom?: unknown[];
  ports?: ContainerPort[];
  resources?: Open<{ requests?: Record<string, string>; limits?: Record<string, string> }>;
  volumeMounts?: VolumeMount[];
  securityContext?: Open<{ runAsUser?: number; runAsGroup?: number; [key: string]: unknown }>;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  startupProbe?: Probe;
  restartPolicy?: string;
}>;
export type Volume = Open<{ name: string }>;
export type PodSpec = Open<{
  containers: Container[];
  initContainers?: Container[];
  volumes?: Volume[];
  hostNetwork?: boolean;
  hostAliases?: { ip: string; hostnames: string[] }[];
  imagePullSecrets?: { name?: string }[];
  securityContext?: Open<{ runAsUser?: number; runAsGroup?: number; fsGroup?: number }>;
  serviceAccountName?: string;
  restartPolicy?: string;
}>;
export type PodTemplate = Open<{ metadata?: ObjectMeta; spec: PodSpec }>;
export type Pod = Open<{
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: PodSpec;
  status?: Open<Record<string, unknown>>;
}>;
/** Anything with a pod template: `spec.template`, of a CronJob `spec.jobTemplate.spec.template`. */
export type Workload = Open<{
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: Open<Record<string, unknown>>;
}>;
