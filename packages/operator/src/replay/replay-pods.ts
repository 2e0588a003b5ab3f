// What generator, responder and collector pods have in common: who they are to the forwarder and to us, what they trust, and
// how little they may. They run in the namespace of the installation and pass Pod Security `restricted`. Pure.
import type { Obj } from '@echoplane/kube';
import {
  COMPONENT_LABEL,
  commandOf,
  FORWARDER_CA_KEY,
  type InstallConfig,
  MANAGED_LABEL,
  MANAGED_VALUE,
  PORTS,
  type ProgramName,
  REPLAY_LABEL,
  SECRETS,
  SERVICES,
  SIDECAR_UID,
  TOKEN_AUDIENCE,
  WORKLOADS,
} from '@echoplane/resources';
import { SECRET_MODE } from '../installation/pod-parts.ts';
import type { Setting } from './facts.ts';
import { baseName, type TrafficReplay } from './replay-object.ts';

/** Folders in the pods. */
export const FOLDERS = {
  token: '/var/run/echoplane/token',
  trust: '/etc/echoplane/trust',
  redaction: '/etc/echoplane/redaction',
  vault: '/etc/echoplane/vault',
  secrets: '/etc/echoplane/secrets',
  artifacts: '/var/lib/echoplane',
} as const;
/** Tokens are renewed by the kubelet at four fifths of this. */
const TOKEN_SECONDS = 3_600;
const MI = 2 ** 20;
/** Where nobody knows how large the artifacts are. */
const UNKNOWN_BYTES = 1024 * MI;
const SPARE_BYTES = 64 * MI;

export type Role = 'responder' | 'generator' | 'collector';
type Env = { name: string; value?: string; valueFrom?: unknown }[];

export interface PodParts {
  role: Role;
  name: string;
  /** Whose traffic it makes or answers, as recordings name it. */
  workload: { namespace: string; kind: string; name: string };
  env: Env;
  ports?: { name: string; containerPort: number }[];
  /** Secrets mounted as files: volume name → Secret and folder. */
  mounts?: {
    name: string;
    secret: string;
    folder: string;
    items?: { key: string; path: string }[];
    optional?: boolean;
  }[];
  /** Bytes of the artifacts it fetches; null: unknown. */
  artifactBytes?: number | null;
  isReadyAt?: { path: string; port: string };
  /** The collector asks the API server; the others have no business there. */
  asksApi?: boolean;
}

export const envOf = (values: Record<string, string | number | undefined>): Env =>
  Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `ECHOPLANE_${name}`, value: String(value) }],
  );

/** A value as JSON in an environment; `$(…)` in it is text, which Kubernetes would take for a variable. */
export function jsonEnv(value: object | undefined): string | undefined {
  return value && JSON.stringify(value).replaceAll('$(', () => '$$(');
}

export function replayLabels(uid: string, role: Role | null): Record<string, string> {
  return {
    [MANAGED_LABEL]: MANAGED_VALUE,
    [REPLAY_LABEL]: uid,
    ...(role ? { [COMPONENT_LABEL]: role } : {}),
  };
}

export function trustName(uid: string): string {
  return `${baseName(uid)}-trust`;
}

export function artifactUrl(uid: string, namespace: string): string {
  return `https://${SERVICES.operator}.${namespace}.svc:${PORTS.artifacts}/replays/${uid}`;
}

/** The whole pod template. */
export function podTemplate(replay: TrafficReplay, parts: PodParts, setting: Setting): Obj['spec'] {
  const { install } = setting;
  const { metadata, spec } = replay;
  const own = parts.role === 'collector' ? undefined : spec[parts.role].resources;
  const { nodeSelector, tolerations, affinity, priorityClassName } = install.replay;
  return {
    metadata: { labels: { ...replayLabels(metadata.uid, parts.role), 'app.kubernetes.io/name': parts.name } },
    spec: {
      serviceAccountName: WORKLOADS.replay,
      automountServiceAccountToken: parts.asksApi ?? false,
      enableServiceLinks: false,
      ...{ nodeSelector, tolerations },
      ...(affinity === undefined ? {} : { affinity }),
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
      imagePullSecrets: install.imagePullSecrets,
      securityContext: {
        ...{ runAsNonRoot: true, runAsUser: SIDECAR_UID, runAsGroup: SIDECAR_UID, fsGroup: SIDECAR_UID },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(parts.role === 'generator' ? { restartPolicy: 'Never' } : {}),
      containers: [container(replay, parts, own ?? install.replay[parts.role], setting)],
      volumes: volumes(metadata.uid, parts),
    },
  };
}

function container(
  { metadata, status }: TrafficReplay,
  parts: PodParts,
  resources: { requests?: Record<string, string> | undefined; limits?: Record<string, string> | undefined },
  { install, namespace }: Setting,
): Record<string, unknown> {
  const disk = diskBytes(parts);
  const storage = disk === null ? {} : { 'ephemeral-storage': `${Math.ceil((disk + SPARE_BYTES) / MI)}Mi` };
  const { isReadyAt } = parts;
  return {
    name: parts.role,
    image: install.image,
    imagePullPolicy: install.imagePullPolicy,
    command: commandOf(parts.role as ProgramName),
    env: [
      ...identity(parts, status.replay, install, namespace),
      ...envOf(access(metadata.uid, parts, namespace)),
      ...parts.env,
    ],
    ...(parts.ports ? { ports: parts.ports } : {}),
    resources: {
      requests: { ...resources.requests, ...storage },
      limits: { ...resources.limits, ...storage },
    },
    ...(isReadyAt ? { readinessProbe: { httpGet: isReadyAt, periodSeconds: 1, failureThreshold: 600 } } : {}),
    securityContext: {
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'token', mountPath: FOLDERS.token, readOnly: true },
      { name: 'trust', mountPath: FOLDERS.trust, readOnly: true },
      ...(disk === null ? [] : [{ name: 'artifacts', mountPath: FOLDERS.artifacts }]),
      ...(parts.mounts ?? []).map(({ name, folder }) => ({ name, mountPath: folder, readOnly: true })),
    ],
  };
}

function identity(
  { workload }: PodParts,
  replay: string | undefined,
  install: InstallConfig,
  namespace: string,
): Env {
  return envOf({
    REPLAY_ID: replay,
    CLUSTER: install.clusterName,
    NAMESPACE: workload.namespace,
    WORKLOAD: workload.name,
    WORKLOAD_KIND: workload.kind,
    FORWARDER_HOST: `${SERVICES.forwarder}.${namespace}.svc`,
    FORWARDER_PORT: PORTS.forwarder,
    FORWARDER_CA_FILE: `${FOLDERS.trust}/${FORWARDER_CA_KEY}`,
    FORWARDER_TOKEN_FILE: `${FOLDERS.token}/token`,
  });
}

function access(uid: string, parts: PodParts, namespace: string): Record<string, string> {
  if (parts.artifactBytes === undefined) return {};
  return {
    ARTIFACTS_URL: `${artifactUrl(uid, namespace)}/artifacts`,
    ARTIFACTS_FOLDER: `${FOLDERS.artifacts}/artifacts`,
    POD_TOKEN_FILE: `${FOLDERS.token}/token`,
    POD_CA_FILE: `${FOLDERS.trust}/${FORWARDER_CA_KEY}`,
  };
}

/** What the artifacts may take on the node's disk; null for pods that fetch none. */
function diskBytes({ artifactBytes }: PodParts): number | null {
  return artifactBytes === undefined ? null : (artifactBytes ?? UNKNOWN_BYTES);
}

function volumes(uid: string, parts: PodParts): Record<string, unknown>[] {
  const disk = diskBytes(parts);
  const token = { path: 'token', audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS };
  return [
    { name: 'token', projected: { sources: [{ serviceAccountToken: token }] } },
    {
      name: 'trust',
      secret: { secretName: trustName(uid), items: [{ key: FORWARDER_CA_KEY, path: FORWARDER_CA_KEY }] },
    },
    ...(disk === null
      ? []
      : [{ name: 'artifacts', emptyDir: { sizeLimit: `${Math.ceil((disk + SPARE_BYTES) / MI)}Mi` } }]),
    ...(parts.mounts ?? []).map(({ name, secret, items, optional }) => ({
      name,
      // Keys are for the pod's group alone: programs refuse those that anybody could read.
      secret: {
        ...{ secretName: secret, defaultMode: SECRET_MODE },
        ...(items ? { items } : {}),
        ...(optional ? { optional } : {}),
      },
    })),
  ];
}

/** The key recordings are redacted with: matching happens in redacted space. */
export const REDACTION_MOUNT = {
  ...{ name: 'redaction', secret: SECRETS.redaction, folder: FOLDERS.redaction, optional: true },
};
