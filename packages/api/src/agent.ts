// What the control plane and a data plane's agent say to each other: the agent calls, always. Commands and configuration
// come down the stream as signed envelopes, so that whoever could write to the stream still cannot command the cluster.
//
//   register ─▶ stream (SSE: config, command, suspend, resume, ping)      heartbeat, progress, result ─▶
import {
  FramePosition,
  Report,
  RRPair,
  SegmentManifest,
  SnapshotManifest,
  SnapshotSummary,
  TrafficQuery,
} from '@echoplane/traffic';
import { z } from 'zod';
import { ClusterCommandBody, DesiredRelease } from './cluster-commands.ts';

/** Whether the control plane may read the object store (`delegated`) or everything there runs as commands (`private`). */
export const StoreAccess = z.enum(['delegated', 'private']);
export type StoreAccess = z.infer<typeof StoreAccess>;

const name = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,253}$/u);

export const AgentRegistration = z.object({
  /** Made once by the agent and kept with its spool. */
  agent: z.uuid(),
  /** `inspector`: changes workloads, and reaches us through its forwarder. */
  kind: z.enum(['forwarder', 'inspector']),
  /** Name of the agent for people, such as its pod. */
  name,
  cluster: name,
  version: z.string().max(64),
  storeAccess: StoreAccess,
  /** Public X25519 key, SPKI DER in base64: values for this agent alone are sealed with it. */
  sealingKey: z.string().max(200),
});
export type AgentRegistration = z.infer<typeof AgentRegistration>;

/** Ed25519 public key of the control plane, SPKI DER in base64; the agent pins it at its first registration. */
export const SigningKey = z.object({ id: z.string().max(64), publicKey: z.string().max(200) });
export type SigningKey = z.infer<typeof SigningKey>;

/**
 * Signed words of the control plane: `payload` is base64url of the JSON of `Signed`, `signature` the Ed25519 signature
 * of the payload's characters (base64url).
 */
export const Envelope = z.object({
  keyId: z.string().max(64),
  payload: z.string(),
  signature: z.string().max(200),
});
export type Envelope = z.infer<typeof Envelope>;

export const AgentRegistered = z.object({
  tenant: z.object({ id: z.uuid(), name: z.string() }),
  signingKey: SigningKey,
  suspended: z.boolean(),
  /** The rules as they stand; null when the tenant has none of its own. */
  config: Envelope.nullable(),
});
export type AgentRegistered = z.infer<typeof AgentRegistered>;

/** A selection of index rows for work on the store; `from` and `to` bound it, as in a traffic query. */
const Selection = z.object({ query: TrafficQuery, rows: z.int() });

/** A report, manifest and summary of a snapshot, or the name of an endpoint or a host in the index. */
export const ErasureDocument = z.object({
  kind: z.enum(['endpoint', 'host', 'report', 'snapshot']),
  /** Of a name its number, written as a UUID, which has no version. */
  id: z.guid(),
  value: z.unknown(),
});
export type ErasureDocument = z.infer<typeof ErasureDocument>;

/** What can be asked of a data plane. */
export const CommandBody = z.discriminatedUnion('kind', [
  /** One RRPair for the drill-in, from the spool, the ring or the store. */
  z.object({
    kind: z.literal('fetch-pair'),
    id: z.uuid(),
    key: z.string().nullable(),
    position: FramePosition,
  }),
  /** What the ring holds and was not shipped, of a span of time (µs) and an expression of the filter language. */
  z.object({
    kind: z.literal('recall'),
    from: z.int(),
    to: z.int(),
    filter: z.string().max(4_096).optional(),
    limit: z.int().min(1).max(100_000),
  }),
  z.object({ kind: z.literal('flush') }),
  z.object({ kind: z.literal('make-snapshot'), snapshot: z.uuid(), name: z.string(), selection: Selection }),
  z.object({
    kind: z.literal('make-report'),
    replay: z.uuid(),
    /** Prefix of the snapshot's artifacts in the store. */
    prefix: z.string(),
    /** Everything `buildReport` needs beside tests and results, as JSON. */
    input: z.unknown(),
    selection: Selection,
  }),
  z.object({
    kind: z.literal('search'),
    filter: z.string().max(4_096),
    selection: Selection,
    limit: z.int().min(1).max(1_000),
  }),
  /** `sealed`: the value, sealed for this agent; `tokenised` values are derived there. */
  z.object({
    kind: z.literal('erase'),
    erasure: z.uuid(),
    sealed: z.string().max(10_000),
    /** Objects of the round before to which no row points any more; they are removed first. */
    remove: z.array(z.string().max(400)).max(1_000).default([]),
    /** Key behind which this round goes on. */
    after: z.string().max(400).default(''),
    /** What the control plane itself keeps, to be looked through too. */
    documents: z.array(ErasureDocument).max(1_000).default([]),
  }),
  /** Analyzes the snapshot in the folder `from` anew with these edits, into a folder of its own; `from` stays as it is. */
  z.object({
    kind: z.literal('edit-snapshot'),
    snapshot: z.uuid(),
    from: z.string().max(400),
    /** What becomes `edits.json`, checked again where it is used. */
    edits: z.unknown(),
  }),
]);
export type CommandBody = z.infer<typeof CommandBody>;
export type CommandKind = CommandBody['kind'];

/** The signed words: to whom, until when (µs), and what. */
export const Signed = z.object({
  tenant: z.uuid(),
  /** Absent for configuration, which is for every agent of the tenant. */
  agent: z.uuid().optional(),
  issuedAt: z.int(),
  expiresAt: z.int(),
  command: z.object({ id: z.uuid(), body: z.union([CommandBody, ClusterCommandBody]) }).optional(),
  /** A RulesDocument of the package `rules`. */
  config: z.object({ version: z.string(), rules: z.unknown() }).optional(),
  /** The release of each channel; what is installed follows one of them, or none. */
  releases: z.array(DesiredRelease).max(10).optional(),
});
export type Signed = z.infer<typeof Signed>;

const MadeSnapshot = z.object({ manifest: SnapshotManifest, summary: SnapshotSummary, prefix: z.string() });

/** Results, by kind of command. */
export const CommandResults = {
  'fetch-pair': z.object({ pair: RRPair }),
  recall: z.object({ pairs: z.int(), segment: z.uuid().nullable(), complete: z.boolean() }),
  flush: z.object({ flushed: z.boolean() }),
  'make-snapshot': MadeSnapshot,
  'edit-snapshot': MadeSnapshot,
  'make-report': z.object({ report: Report }),
  search: z.object({ ids: z.array(z.uuid()), scanned: z.int(), complete: z.boolean() }),
  erase: z.object({
    segments: z.int(),
    /** Copies that held the value: a pair in the ring and in the store is two. */
    pairs: z.int(),
    scannedBytes: z.int(),
    /** Segments written anew, with the frames as they lie there: index rows are re-pointed to them. */
    rewritten: z.array(
      z.object({
        ...{ old: z.uuid(), oldKey: z.string(), key: z.string(), sizeBytes: z.int() },
        manifest: SegmentManifest,
        /** Rows whose path held the value; null when they are too many: then no path of the segment is kept. */
        paths: z.array(z.object({ frame: z.int(), line: z.int(), path: z.string() })).nullable(),
      }),
    ),
    snapshots: z.array(z.uuid()),
    /** Where the next round goes on; null when every object was read. */
    after: z.string().nullable(),
    /** Those of the documents that held the value, without it. */
    documents: z.array(ErasureDocument),
  }),
} as const satisfies Record<CommandKind, z.ZodType>;

export const CommandProgress = z.object({ share: z.number().min(0).max(1), message: z.string().max(500) });
export const CommandOutcome = z.object({
  state: z.enum(['succeeded', 'failed']),
  /** Of a failure: a sentence that says what to do. */
  message: z.string().max(2_000).nullable(),
  /** Of success: by `CommandResults`. */
  result: z.unknown().optional(),
});
export type CommandOutcome = z.infer<typeof CommandOutcome>;

export const Heartbeat = z.object({
  agent: z.uuid(),
  version: z.string().max(64),
  /** Version of the rules that run, and why newer ones were not taken. */
  configVersion: z.string().max(64),
  configError: z.string().max(2_000).nullable(),
  /** Commands the agent is doing or has done and not reported yet. */
  commands: z.array(z.uuid()).max(1_000),
  spoolBytes: z.int(),
  ringBytes: z.int(),
  /** Oldest RRPair the ring still holds, µs; null when it is empty. */
  ringFrom: z.int().nullable(),
  lagFrames: z.int(),
  lagSegments: z.int(),
  /** The independent guard saw something that redaction let through. */
  alarms: z.int(),
  /** Sensitive data seen, as counts without values; the same entry replaces an earlier one. */
  discoveries: z
    .array(
      z.object({
        service: name,
        endpoint: z.string().max(1_024),
        direction: z.enum(['IN', 'OUT']),
        path: z.string().max(500),
        kind: z.string().max(64),
        count: z.int(),
        lastSeen: z.int(),
      }),
    )
    .max(500),
});
export type Heartbeat = z.infer<typeof Heartbeat>;
export const HeartbeatAnswer = z.object({ suspended: z.boolean(), configVersion: z.string().nullable() });

/** Events of the stream, by SSE event name; `ping` has no data. */
export const STREAM_EVENTS = ['command', 'config', 'suspend', 'resume', 'releases', 'ping'] as const;
export type StreamEvent = (typeof STREAM_EVENTS)[number];

export const PositionsQuery = z.object({ after: z.string().max(200).optional() });
/** A page of the rows a command works on, in the order of segments and frames. */
export const Positions = z.object({
  items: z.array(FramePosition.extend({ id: z.uuid(), key: z.string().nullable() })).max(5_000),
  after: z.string().nullable(),
});

/** Segments that will never arrive: their rows are marked, and their pairs counted as lost. */
export const Tombstones = z.object({
  segments: z
    .array(
      z.object({
        segment: z.uuid(),
        openedAt: z.int(),
        pairs: z.int(),
        reason: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
      }),
    )
    .max(1_000),
});

export const AgentState = z.object({
  id: z.uuid(),
  name: z.string(),
  kind: z.string(),
  cluster: z.string(),
  version: z.string(),
  storeAccess: StoreAccess,
  registeredAt: z.int(),
  seenAt: z.int(),
  connected: z.boolean(),
  configVersion: z.string().nullable(),
  configError: z.string().nullable(),
  spoolBytes: z.int(),
  ringBytes: z.int(),
  ringFrom: z.int().nullable(),
  lagFrames: z.int(),
  lagSegments: z.int(),
  alarms: z.int(),
});
export type AgentState = z.infer<typeof AgentState>;
export const Command = z.object({
  id: z.uuid(),
  agent: z.uuid(),
  kind: z.string(),
  state: z.enum(['waiting', 'running', 'succeeded', 'failed', 'expired']),
  progress: z.number(),
  message: z.string().nullable(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
  result: z.unknown().nullable(),
});
export type Command = z.infer<typeof Command>;
/** What users may ask for directly. */
export const NewCommand = z.object({
  agent: z.uuid(),
  /** The others of a forwarder's come of drill-ins, snapshots and reports; an inspector is asked directly. */
  body: z.discriminatedUnion('kind', [
    CommandBody.options[1],
    CommandBody.options[2],
    ...ClusterCommandBody.options,
  ]),
});
export const NewSearch = z.object({
  filter: z.string().min(1).max(4_096),
  /** What the filter is written in: the filter language, or its shorthand for people. */
  language: z.enum(['expression', 'shorthand']).default('expression'),
  query: TrafficQuery,
  limit: z.int().min(1).max(1_000).default(100),
});
export const NewErasure = z.object({
  value: z.string().min(4).max(1_000),
  reason: z.string().min(1).max(500),
});
export const Rules = z.object({
  version: z.string().nullable(),
  rules: z.unknown(),
  updatedAt: z.int().nullable(),
});
export const NewRules = z.object({
  /** The version these replace; null when there was none. Another one is a conflict. */
  replaces: z.string().nullable(),
  /** A RulesDocument of the package `rules`. */
  rules: z.unknown(),
});
