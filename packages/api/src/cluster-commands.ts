// What the control plane may ask of an inspector: the whitelist, by kind and by value. Whatever is not here cannot be
// asked. They come as signed envelopes like all commands, and go to agents of the kind `inspector`.
import { z } from 'zod';

const dnsName = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'is not a name of Kubernetes');
const WorkloadKind = z.enum(['Deployment', 'StatefulSet', 'DaemonSet', 'CronJob', 'Rollout']);
const workload = { namespace: dnsName, kind: WorkloadKind, name: dnsName };

export const ClusterCommandBody = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('list-workloads'), namespace: dnsName.optional() }),
  /** Annotates a workload; `settings` by the names of the annotations without their prefix. */
  z.object({
    ...{ kind: z.literal('inject'), workload: z.object(workload) },
    settings: z.record(z.string().regex(/^[a-z0-9-]{1,63}$/), z.string().max(1_000)).default({}),
  }),
  z.object({ kind: z.literal('remove'), workload: z.object(workload) }),
  /** `spec`: of a TrafficReplay; the API server judges it. */
  z.object({
    ...{ kind: z.literal('start-replay'), namespace: dnsName, name: dnsName },
    spec: z.record(z.string(), z.unknown()),
  }),
  z.object({ kind: z.literal('cancel-replay'), namespace: dnsName, name: dnsName }),
  /** Last lines of one of our own containers; the forwarder redacts them. */
  z.object({
    ...{ kind: z.literal('logs'), namespace: dnsName, pod: dnsName, container: dnsName },
    lines: z.int().min(1).max(1_000).default(200),
  }),
  z.object({ kind: z.literal('diagnose') }),
]);
export type ClusterCommandBody = z.infer<typeof ClusterCommandBody>;
export type ClusterCommandKind = ClusterCommandBody['kind'];

/** Something `echoplane check` and `diagnose` found, and what to do about it. */
export const Finding = z.object({
  check: z.string().max(64),
  state: z.enum(['ok', 'warning', 'problem', 'unknown']),
  message: z.string().max(2_000),
  /** Null when there is nothing to do. */
  remedy: z.string().max(2_000).nullable(),
});
export type Finding = z.infer<typeof Finding>;

const none = z.object({});
export const ClusterCommandResults = {
  'list-workloads': z.object({
    workloads: z
      .array(
        z.object({
          ...workload,
          kind: z.string().max(64),
          injected: z.boolean(),
          settings: z.record(z.string(), z.string()),
          /** Pods that are there, and those of them with our sidecar. */
          pods: z.int(),
          injectedPods: z.int(),
        }),
      )
      .max(5_000),
    complete: z.boolean(),
  }),
  inject: none,
  remove: none,
  'start-replay': z.object({ uid: z.string().max(64) }),
  'cancel-replay': none,
  logs: z.object({ text: z.string().max(512 << 10), truncated: z.boolean() }),
  diagnose: z.object({ findings: z.array(Finding).max(500) }),
} as const satisfies Record<ClusterCommandKind, z.ZodType>;

/** A version that a channel wishes installed. */
export const DesiredRelease = z.object({
  channel: z.enum(['stable', 'fast']),
  version: z.string().regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]{1,64})?$/),
  /** Digest of the image: the repository stays that of the installation. */
  image: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is not a digest, such as sha256:…'),
  /** µs; before it nothing changes, so that a release reaches clusters one after the other. */
  notBefore: z.int(),
});
export type DesiredRelease = z.infer<typeof DesiredRelease>;
