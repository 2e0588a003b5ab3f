// Shapes of the resources of `/v1`. Times are µs since the epoch unless the name says otherwise; ids are UUIDs.
import {
  FramePosition,
  GeneratorRun,
  Goals,
  HopReport,
  INDEX_ROW_VERSION,
  IndexRow,
  Report,
  RollupPartial,
  RRPair,
  SegmentManifest,
  SnapshotManifest,
  SnapshotSummary,
  TestConfig,
  TrafficQuery,
  Verdict,
} from '@echoplane/traffic';
import { z } from 'zod';
import { Envelope, StoreAccess } from './agent.ts';

export const Role = z.enum(['viewer', 'editor', 'admin', 'agent']);
export type Role = z.infer<typeof Role>;

export const SignIn = z.object({ email: z.string().min(3).max(254), password: z.string().min(1).max(256) });
export const Me = z.object({
  user: z.object({ id: z.uuid(), email: z.string() }).nullable(),
  tenant: z.object({ id: z.uuid(), name: z.string() }),
  role: Role,
  /** To be sent as `x-csrf-token` with every mutation made under a session cookie; null for API keys. */
  csrfToken: z.string().nullable(),
});
export type Me = z.infer<typeof Me>;

/** Query strings carry text: numbers are coerced, everything else is a TrafficQuery. */
const n = z.coerce.number();
/** 1970 to 2100: arithmetic on it stays exact. */
const MAX_TIME_US = 4_102_444_800_000_000;
const queryTime = n.int().min(0).max(MAX_TIME_US).optional();
export const TrafficQueryString = TrafficQuery.extend({
  statusMin: n.int().min(0).max(999).optional(),
  statusMax: n.int().min(0).max(999).optional(),
  latencyMinMs: n.nonnegative().optional(),
  from: queryTime,
  to: queryTime,
});
export const TrafficListQuery = TrafficQueryString.extend({
  limit: n.int().min(1).max(500).default(100),
  /** Opaque; from the previous page. */
  cursor: z.string().max(200).optional(),
});
/** One row of the list: the index row, whether its segment is in the store yet, and why it will never be. */
export const TrafficRow = IndexRow.omit({
  frameOffset: true,
  frameLength: true,
  line: true,
  frame: true,
}).extend({ shipped: z.boolean(), lost: z.string().nullable() });
export type TrafficRow = z.infer<typeof TrafficRow>;
export const TrafficList = z.object({
  items: z.array(TrafficRow),
  /** Newest first; null when there is no further row. */
  cursor: z.string().nullable(),
  /** False when the budget ended before the limit was reached: go on with the cursor. */
  complete: z.boolean(),
  /** Every row at or after this time was looked at; null when the table was read to its end. */
  scannedUntil: z.int().nullable(),
});
export type TrafficList = z.infer<typeof TrafficList>;

export const TrafficGraphQuery = z.object({
  service: z.string().max(256).optional(),
  replay: z.string().max(64).optional(),
  from: queryTime,
  to: queryTime,
});
export const GraphPoint = z.object({
  t: z.int(),
  count: z.int(),
  errors: z.int(),
  p50Us: z.number().nullable(),
  p95Us: z.number().nullable(),
});
export const TrafficGraph = z.object({
  stepUs: z.int(),
  series: z.array(z.object({ direction: z.enum(['IN', 'OUT']), points: z.array(GraphPoint) })),
});
export type TrafficGraph = z.infer<typeof TrafficGraph>;

export const ServiceList = z.object({
  items: z.array(
    z.object({
      service: z.string(),
      inbound: z.int(),
      outbound: z.int(),
      lastSeen: z.int(),
      hosts: z.array(z.string()),
    }),
  ),
});
export type ServiceList = z.infer<typeof ServiceList>;

export const PairDetail = z.object({ row: TrafficRow, pair: RRPair, position: FramePosition });
export type PairDetail = z.infer<typeof PairDetail>;

/** Hop by hop: what each took on, and where it went. `balanced` when every figure is explained and the store holds what was delivered. */
export const Accounting = z.object({
  hops: z.array(HopReport.extend({ pending: z.int(), reportedAt: z.int() })),
  indexed: z.int(),
  /** Of these, in segments that are in the store. */
  stored: z.int(),
  /** Indexed or not, in segments that will never arrive. */
  lost: z.int(),
  balanced: z.boolean(),
  sentence: z.string(),
});
export type Accounting = z.infer<typeof Accounting>;

export const JobState = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export const Job = z.object({
  id: z.uuid(),
  kind: z.string(),
  subject: z.uuid(),
  state: JobState,
  /** 0..1 and what is being done. */
  progress: z.number(),
  message: z.string().nullable(),
  attempts: z.int(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
});
export type Job = z.infer<typeof Job>;

const time = z.int().min(0).max(MAX_TIME_US);
export const NewSnapshot = z.object({
  name: z.string().min(1).max(120),
  query: TrafficQuery.extend({ from: time.optional(), to: time.optional() }),
});
export const Snapshot = z.object({
  id: z.uuid(),
  name: z.string(),
  query: TrafficQuery,
  state: JobState,
  message: z.string().nullable(),
  manifest: SnapshotManifest.nullable(),
  summary: SnapshotSummary.nullable(),
  /** Folder of its files in the object store; null while there are none. */
  prefix: z.string().nullable(),
  /** `private`: the files are fetched from the store of the data plane, not from here. */
  storeAccess: StoreAccess,
  createdAt: z.int(),
});
export type Snapshot = z.infer<typeof Snapshot>;

export const NewReplay = z.object({
  name: z.string().min(1).max(120),
  snapshot: z.uuid(),
  /** `full`: dependencies are answered by the responder; `tests-only`: they are alive; `mocks-only`: no requests are sent. */
  mode: z.enum(['full', 'tests-only', 'mocks-only']),
  buildTag: z.string().max(120).optional(),
  /** An earlier replay in the same environment, against which latency is judged. */
  baseline: z.uuid().optional(),
  /** Instead of those of the test config. */
  goals: Goals.optional(),
  /** Load, assertions, goals and chaos: kept with the replay, and what its report is made with. */
  testConfig: TestConfig.optional(),
  /** The same key is the same replay: whoever may have to ask twice gives one, such as the UID of a TrafficReplay. */
  key: z.uuid().optional(),
  /** Whoever runs it says a word (`/heartbeat`) within so long, or it ends as failed; without, it runs until it is ended. */
  leaseSeconds: z.int().min(10).max(86_400).optional(),
});
export const Replay = z.object({
  id: z.uuid(),
  name: z.string(),
  snapshot: z.uuid(),
  mode: z.enum(['full', 'tests-only', 'mocks-only']),
  buildTag: z.string().nullable(),
  baseline: z.uuid().nullable(),
  goals: Goals,
  /** Null when none was given. */
  testConfig: TestConfig.nullable().default(null),
  phase: z.enum(['running', 'analyzing', 'succeeded', 'failed', 'cancelled']),
  message: z.string().nullable(),
  verdict: Verdict.nullable(),
  successRate: z.number().nullable(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
  /** When it ends as failed unless something is heard of it, µs; null when it was opened without a lease. */
  leaseUntil: z.int().nullable().default(null),
});
export type Replay = z.infer<typeof Replay>;
export const FinishReplay = z.object({
  run: GeneratorRun,
  /** Pairs the responder recorded for this replay and the forwarder acknowledged. */
  mockResults: z.int().nonnegative(),
});
/** `edits.json` of a snapshot; what is wrong with one is said with its field. */
export const SnapshotEdits = z.record(z.string().max(100), z.json());
export type SnapshotEdits = z.infer<typeof SnapshotEdits>;

export const ReportDetail = z.object({ replay: Replay, snapshotName: z.string(), report: Report });
export type ReportDetail = z.infer<typeof ReportDetail>;

/** Rows and rollups of one frame of a segment; sending it twice changes nothing. */
export const IndexBatch = z.object({
  /** Version of the rows; a batch of another version is refused rather than misread. */
  v: z.literal(INDEX_ROW_VERSION),
  segment: z.uuid(),
  frame: z.int().nonnegative(),
  openedAt: time,
  rows: z.array(IndexRow).max(20_000),
  rollups: z.array(RollupPartial).max(20_000),
  /** Cumulative; a larger report of the same incarnation replaces a smaller one. */
  reports: z.array(HopReport).max(1_000),
  /** The agent that holds the segment until it is shipped; older forwarders leave it out. */
  agent: z.uuid().optional(),
});
export type IndexBatch = z.infer<typeof IndexBatch>;
export const IngestResult = z.object({ rows: z.int(), duplicate: z.boolean() });
/** The segment is whole in the object store. */
export const SegmentShipped = z.object({
  key: z.string().max(400),
  sizeBytes: z.int().nonnegative(),
  manifest: SegmentManifest,
  /** `store`: whole under its key; `firehose`: its frames were taken by the stream and will land in other objects. */
  via: z.enum(['store', 'firehose']).default('store'),
  agent: z.uuid().optional(),
});
export type SegmentShipped = z.infer<typeof SegmentShipped>;
export const HopReports = z.object({ reports: z.array(HopReport).max(1_000) });
export const AgentIdentity = z.object({
  tenant: z.object({ id: z.uuid(), name: z.string() }),
  key: z.string(),
});
export type AgentIdentity = z.infer<typeof AgentIdentity>;

export const SegmentGrantRequest = z.object({ openedAt: time, sizeBytes: z.int().nonnegative() });
export const SegmentGrant = z.object({
  key: z.string(),
  url: z.string(),
  /** To be sent with the PUT exactly as given. */
  headers: z.record(z.string(), z.string()),
  /** µs. */
  expiresAt: z.int(),
});
export const SegmentUploadQuery = z.object({ openedAt: n.int().min(0).max(MAX_TIME_US) });
export const SegmentUploaded = z.object({ key: z.string(), sizeBytes: z.int() });

export const Search = z.object({
  id: z.uuid(),
  state: JobState,
  message: z.string().nullable(),
  /** 0..1. */
  progress: z.number(),
  filter: z.string(),
  /** Newest first, up to the limit. */
  items: z.array(TrafficRow),
  scanned: z.int(),
  /** Whether every RRPair of the selection was looked at. */
  complete: z.boolean(),
});
export type Search = z.infer<typeof Search>;
export const Erasure = z.object({
  id: z.uuid(),
  state: JobState,
  message: z.string().nullable(),
  reason: z.string(),
  createdAt: z.int(),
  finishedAt: z.int().nullable(),
  /** Counts, no values; null until it is done. */
  record: z
    .object({ segments: z.int(), pairs: z.int(), scannedBytes: z.int(), snapshots: z.int() })
    .nullable(),
  /** The same, signed with the key of this installation; null until it is done. */
  signed: Envelope.nullable(),
});
export type Erasure = z.infer<typeof Erasure>;
export const Discovery = z.object({
  service: z.string(),
  direction: z.enum(['IN', 'OUT']),
  endpoint: z.string(),
  path: z.string(),
  kind: z.string(),
  count: z.int(),
  lastSeen: z.int(),
});
