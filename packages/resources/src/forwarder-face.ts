// The forwarder's face in the cluster: what operator, inspector and collectors ask it for, on port 4151 over HTTPS. The
// operator and the inspector show a client certificate of the internal CA, with the name of their workload; a collector
// shows the service-account token of its pod (`Authorization: Bearer …`). Refusals are `application/problem+json`.
import { z } from 'zod';

export const FACE_PATHS = {
  /** GET, operator and inspector: `FaceStatus`. */
  status: '/v1/status',
  /**
   * GET, server-sent events. For the operator: `releases` (a list of `DesiredRelease`) and `rules` (`{"version"}`), as they
   * stand and whenever they change; with `Last-Event-ID` only what is new. For the inspector, with `?agent=ID`: its agent
   * stream, as the control plane sends it.
   */
  events: '/v1/events',
  /** GET, operator: the rules document in force. */
  rules: '/rules',
  /** GET, operator: `vault.jsonl`, sealed; 404 when nothing was sealed yet. */
  vault: '/vault',
  /** GET, operator: `/artifacts/PREFIX/NAME`, a file of a snapshot from the store of the customer. */
  artifacts: '/artifacts/',
  /** POST, operator: `{"flushed": true}` when all that was captured is shipped, indexed and reported. */
  flush: '/flush',
  /** POST, operator: `AddressNames`, whole, in the place of what was there; `{"version"}`. */
  names: '/names',
  /** POST, inspector: its `AgentRegistration`; the answer is the control plane's. */
  register: '/inspector/register',
  /** POST, inspector: a `CommandProgress` with `command`, the id. */
  progress: '/inspector/progress',
  /** POST, inspector: a `CommandOutcome` with `command`, the id. */
  outcome: '/inspector/outcome',
  /** POST, collector: a batch of `Observation`s, one a line; `{"accepted"}`. */
  observations: '/observations',
} as const;

/** Workloads with counts at once; those longest not heard of are forgotten. */
export const MAX_COUNTED_WORKLOADS = 1_000;

/** RRPairs that the sidecars of a workload have brought, since the forwarder's process first heard of it. */
export const WorkloadCount = z.object({
  namespace: z.string(),
  kind: z.string(),
  name: z.string(),
  inbound: z.int(),
  outbound: z.int(),
  /** Since it was first heard of. */
  knownMs: z.int(),
});
export type WorkloadCount = z.infer<typeof WorkloadCount>;

/** Addresses that are named at once. */
export const MAX_ADDRESS_NAMES = 20_000;

/** What the Services of the cluster are called, by their addresses: `{"10.96.0.7": "payments.shop.svc"}`. */
export const AddressNames = z.object({
  /** Of exactly these names. */
  version: z.string().min(1).max(64),
  names: z
    .record(z.string().max(45), z.string().min(1).max(253))
    .refine((names) => Object.keys(names).length <= MAX_ADDRESS_NAMES, `are more than ${MAX_ADDRESS_NAMES}`),
});
export type AddressNames = z.infer<typeof AddressNames>;

export const FaceStatus = z.object({
  version: z.string(),
  agent: z.string(),
  cluster: z.string(),
  /** Of the agent stream to the control plane: `connected`, or what it is doing, and why. */
  link: z.object({ state: z.string(), trouble: z.string().nullable() }),
  suspended: z.boolean(),
  rules: z.object({ version: z.string(), error: z.string().nullable() }),
  lag: z.object({ frames: z.int(), segments: z.int(), awayMs: z.int() }),
  /** Bytes on the disk; `trouble`: why nothing can be written. */
  spool: z.object({ sizeBytes: z.int(), trouble: z.string().nullable() }),
  /** Capture streams that are connected. */
  streams: z.int(),
  alarms: z.int(),
  workloads: z.array(WorkloadCount).max(MAX_COUNTED_WORKLOADS).default([]),
  /** Version of the `AddressNames` in use; empty until some came. */
  names: z.string().default(''),
});
export type FaceStatus = z.infer<typeof FaceStatus>;
