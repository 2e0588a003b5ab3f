// What injection is told and what it answers, as types. Everything here is pure: raw objects in, new objects out; the
// input is never changed, and fields that are not ours are kept as they are, in their order.
import type {
  CaptureConfigSpec,
  ClusterCaptureConfigSpec,
  KubeObject,
  Pod,
  ReplayWiring,
  Settings,
} from '@echoplane/resources';

/** What the pod's namespace enforces, see `podSecurityOf`. */
export type PodSecurity = 'privileged' | 'baseline' | 'restricted';

/** What the pod webhook knows beside the pod. */
export interface PodFacts {
  /** Full name of our image. */
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /**
   * Secrets of the pod's namespace with which our image is pulled. For pods that have their service account's already: a
   * template that names some is given none of those.
   */
  imagePullSecrets?: readonly { name: string }[];
  /** Name of the cluster in recordings. */
  cluster: string;
  installNamespace: string;
  namespace: string;
  podSecurity: PodSecurity;
  /** Whether kubelets know native sidecars (1.29 and later); else only non-transparent modes, as plain containers. */
  nativeSidecars: boolean;
  /** Set when the pod belongs to a workload that a replay has wired. */
  wiring: ReplayWiring | null;
  /** Id of that replay in the control plane; a tag on everything captured. */
  replayId: string | null;
  /** Whether unmocked destinations are cut. */
  isolate: boolean;
  /** Labels and annotations of the namespace, by which meshes mark it; without them only marks on the pod are seen. */
  namespaceMarks?: Readonly<Record<string, string>>;
  /** Where the forwarder is, when it is not the Service of the installation. */
  forwarder?: { host: string; port: number };
}

/** Something people should be told, as an Event: `reason` is CamelCase. */
export interface Note {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface Injected<T> {
  object: T;
  notes: Note[];
  /** Why nothing was done; null when it was. */
  refused: string | null;
}

/** The annotation `status` of an injected pod. */
export interface InjectionStatus {
  mode: Settings['mode'];
  containers: string[];
  volumes: string[];
  /** Reverse and dual: the port that moved to the sidecar. Services with the numeric targetPort `from` need `to`. */
  inbound: { name: string | null; from: number; to: number } | null;
  /** The replay this pod is wired to. */
  replay: string | null;
}

/** Injects from the pod alone. inject∘inject = inject. */
export type InjectPod = (pod: Pod, facts: PodFacts) => Injected<Pod>;

/** What the workload webhook knows beside the workload. */
export interface WorkloadFacts {
  podSecurity: PodSecurity;
  /** Labels of the namespace. */
  namespaceLabels: Readonly<Record<string, string>>;
  /** Both by the names of their objects: of two that set the same, the first holds. */
  captureConfigs: readonly CaptureConfigSpec[];
  clusterConfigs: readonly ClusterCaptureConfigSpec[];
}

/**
 * Resolves the settings and writes them onto the pod template, or takes them away. Objects without a pod template and
 * objects with a controller owner come back as they are.
 */
export type ResolveWorkload = (workload: KubeObject, facts: WorkloadFacts) => Injected<KubeObject>;

/** A test of RFC 6902. */
export interface PatchTest {
  op: 'test';
  path: string;
  value: unknown;
}

/** One operation of RFC 6902. */
export interface PatchOperation {
  op: 'add' | 'remove' | 'replace';
  path: string;
  value?: unknown;
}
