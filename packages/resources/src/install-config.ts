// How this installation is to look: what the chart's values say, as `install.json` in a ConfigMap, read by the operator.
// The chart renders it whole; the operator makes forwarder and inspector of it.
import { z } from 'zod';
import { SECRETS } from './names.ts';

const quantity = z
  .string()
  .regex(/^[0-9.]+([eE][0-9]+|[mkMGTPE]i?|[numkMGTPE])?$/, 'is not a quantity, such as 100m or 256Mi');
const resources = z.strictObject({
  requests: z.record(z.string(), quantity).default({}),
  limits: z.record(z.string(), quantity).default({}),
});
const scheduling = {
  nodeSelector: z.record(z.string(), z.string()).default({}),
  tolerations: z.array(z.unknown()).default([]),
  affinity: z.unknown().optional(),
  priorityClassName: z.string().optional(),
};

/** Days and hours (UTC) in which versions may change. */
export const MaintenanceWindow = z.strictObject({
  days: z.array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])).min(1),
  from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'is not a time, such as 02:00'),
  hours: z.int().min(1).max(24),
});

export const InstallConfig = z.strictObject({
  clusterName: z.string().min(1).max(253),
  cloudUrl: z.url(),
  /** Secret of the install namespace with the agent key under `apiKey`. */
  apiKeySecret: z.string().min(1).default(SECRETS.cloud),
  /** The image of every component and of the injected containers: `repository:tag` or `repository@sha256:…`. */
  image: z.string().min(1),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z.array(z.strictObject({ name: z.string() })).default([]),
  /** Empty: the whole cluster, by ClusterRoles; else only these, by Roles. */
  namespaces: z.array(z.string()).default([]),
  /** Whether the control plane may start commands that change workloads: false leaves the inspector out. */
  dashboardAccess: z.boolean().default(true),
  updates: z.enum(['off', 'stable', 'fast']).default('off'),
  maintenanceWindow: MaintenanceWindow.nullable().default(null),
  storeAccess: z.enum(['delegated', 'private']).default('delegated'),
  forwarder: z
    .strictObject({
      storage: z
        .strictObject({
          size: quantity.default('10Gi'),
          className: z.string().optional(),
          ephemeral: z.boolean().default(false),
        })
        .prefault({}),
      /** How segments leave; `upload` needs no store of the customer. */
      ship: z.enum(['store', 'presigned', 'upload', 'firehose']).default('upload'),
      /** Further `ECHOPLANE_…` settings of the forwarder, such as those of its store. */
      env: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).default({}),
      /** Secrets whose keys become environment variables, such as credentials of a bucket. */
      envFromSecrets: z.array(z.string()).default([]),
      /** Annotations of its service account, such as the role of a cloud provider. */
      serviceAccountAnnotations: z.record(z.string(), z.string()).default({}),
      resources: resources.prefault({
        requests: { cpu: '100m', memory: '256Mi' },
        limits: { memory: '1Gi' },
      }),
      ...scheduling,
    })
    .prefault({}),
  inspector: z
    .strictObject({
      resources: resources.prefault({
        requests: { cpu: '10m', memory: '64Mi' },
        limits: { memory: '128Mi' },
      }),
      ...scheduling,
    })
    .prefault({}),
  /** Of generator, responder and collector, when a TrafficReplay names none. */
  replay: z
    .strictObject({
      generator: resources.prefault({
        requests: { cpu: '100m', memory: '128Mi' },
        limits: { memory: '512Mi' },
      }),
      responder: resources.prefault({
        requests: { cpu: '50m', memory: '128Mi' },
        limits: { memory: '512Mi' },
      }),
      collector: resources.prefault({
        requests: { cpu: '10m', memory: '64Mi' },
        limits: { memory: '128Mi' },
      }),
      ...scheduling,
    })
    .prefault({}),
});
export type InstallConfig = z.infer<typeof InstallConfig>;
