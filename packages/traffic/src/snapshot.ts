// The artifact files of a snapshot folder. Readable, editable JSON; all but `rrpairs.jsonl.zst` can be derived again
// at any time. A public contract: fields are only added. It must not know how artifacts are made or used.
import { z } from 'zod';
import { TrafficQuery } from './filter.ts';
import { Body, HeaderList, HttpResponse, StreamMessage } from './rrpair.ts';

export const SNAPSHOT_VERSION = 1;

/** File names inside a snapshot folder. `edits.json` holds the users' changes and is never written by the analyzer. */
export const ARTIFACTS = {
  manifest: 'manifest.json',
  pairs: 'rrpairs.jsonl.zst',
  tests: 'tests.jsonl',
  mocks: 'mocks.jsonl',
  tokens: 'tokens.json',
  transforms: 'transforms.json',
  summary: 'summary.json',
  edits: 'edits.json',
  flows: 'flows.json',
  recommendations: 'recommendations.json',
} as const;
export const ArtifactName = z.enum(ARTIFACTS);
export type ArtifactName = z.infer<typeof ArtifactName>;

/** Prefix of a snapshot's folder in the object store. */
export function snapshotPrefix(tenant: string, snapshot: string): string {
  return `${tenant}/snapshots/${snapshot}/`;
}

/**
 * Where a value sits in a message, one leaf: `status`, `header.location`, `cookie.sid`, `path[1]`, `query.page`,
 * `body.items[3].id`, `body` (a text), with `#n` for the n-th atom inside a longer string (`header.authorization#1`).
 * As a pattern, `[]` stands for any index.
 */
export const LeafPath = z.string();

/**
 * What kind of generated value a leaf holds; `sequence` is a number that only counts up, `email` a redacted address,
 * `serial` an id of a flow, `measure` a number that every answer has anew (a duration, a memory figure), `text` a text that
 * differs between equal requests for no visible reason.
 */
export const ValueKind = z.enum([
  'uuid',
  'timestamp',
  'epoch',
  'jwt',
  'token',
  'hex',
  'sequence',
  'mixed',
  'email',
  'serial',
  'measure',
  'text',
]);
export type ValueKind = z.infer<typeof ValueKind>;

/** A leaf that is compared by kind instead of by value, with the reason. `path` is a pattern. */
export const VolatileLeaf = z.object({
  path: LeafPath,
  kind: ValueKind,
  /** Texts only: what stays the same around the generated pieces, `https://pay.example/r/{token}`. */
  shape: z.string().optional(),
  /** Numbers only: both are whole multiples of it, and not far from each other. */
  unit: z.number().optional(),
  /** Numbers only: durations by the service's clock. One that lies between two times of its object does so again. */
  clocked: z.literal(true).optional(),
  /** Numbers only: what is left of a lifetime of whole minutes, in whole seconds; all or one fewer. */
  cut: z.literal(true).optional(),
  /** Numbers only: how long it has been since one moment, the same in every answer, in units of so many µs. */
  since: z.number().optional(),
  /** Numbers only: how long the exchange took, in units of so many µs. It is no longer than the live one took. */
  tookUs: z.number().optional(),
  why: z.string(),
});
export type VolatileLeaf = z.infer<typeof VolatileLeaf>;

/** What an answer may have or lack, whatever the recorded one did, with the reason. `path` is a pattern, of a leaf or what holds some. */
export const OptionalLeaf = z.object({ path: LeafPath, why: z.string() });
export type OptionalLeaf = z.infer<typeof OptionalLeaf>;

/**
 * A list that stands in the order of one field of its elements in every answer: of its texts, or of the slots in which the JVM's
 * hash tables hold them. `path` is its pattern, `key` how the field goes on from an element: `.name`.
 */
export const ListOrder = z.object({
  path: LeafPath,
  key: z.string(),
  by: z.enum(['rising', 'falling', 'hash']),
});
export type ListOrder = z.infer<typeof ListOrder>;

/**
 * A leaf that its client asked for again and again until it changed, or, when it lags, that the service works out behind its answers;
 * with what other answers said; of numbers the outermost.
 */
export const SettlingLeaf = z.object({
  path: LeafPath,
  later: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  lags: z.literal(true).optional(),
});
export type SettlingLeaf = z.infer<typeof SettlingLeaf>;

/** A leaf with which other reads of this kind were asked for again, and what it was then: with that nobody goes on. */
export const AwaitedState = z.object({
  path: LeafPath,
  until: z.array(z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type AwaitedState = z.infer<typeof AwaitedState>;

/** A leaf, as a pattern, that holds a value of the flow named; `like` words: where it is written as coined names are. */
export const FlowLink = z.object({
  ...{ in: z.enum(['request', 'response']), path: LeafPath, flow: z.string() },
  like: z.literal('words').optional(),
});
export type FlowLink = z.infer<typeof FlowLink>;

/**
 * Values of one meaning that travel between endpoints although no single one looks generated: serial ids, slugs, cursors.
 * The same value in another place means nothing, so they are replaced and expected at the flow's places only.
 */
export const Flow = z.object({
  /** Stays the same when the recording is analyzed again. */
  id: z.string(),
  /** `POST /orders body.id`: where its values come from. */
  name: z.string(),
  kind: ValueKind,
  places: z.array(
    z.object({
      method: z.string(),
      endpoint: z.string(),
      in: z.enum(['request', 'response']),
      path: LeafPath,
      /** `producer`: new values appear here first. */
      role: z.enum(['producer', 'consumer', 'echo']),
      /** How often a value of the flow was seen here. */
      count: z.int(),
    }),
  ),
  /** Distinct values. */
  values: z.int(),
  /** Why these places belong together, in words a user understands. */
  evidence: z.string(),
  enabled: z.boolean(),
});
export type Flow = z.infer<typeof Flow>;

/** An IN pair as the generator sends it. Values are the recorded ones; `consumes` says which are replaced live. */
/** A time in a request that came from the client's own clock: sent as far from the request as it was then. */
export const OwnTime = z.object({
  path: LeafPath,
  /** It was sent before, and is the same one again. */
  again: z.boolean().optional(),
});
export type OwnTime = z.infer<typeof OwnTime>;

export const Test = z.object({
  /** Id of the recorded RRPair. */
  id: z.uuid(),
  session: z.string(),
  /** Service it was recorded at, `cluster/namespace/name`; absent in snapshots made before this was kept. */
  service: z.string().optional(),
  /** Position in its session, from 0. */
  order: z.int(),
  /** µs from the start of the recording to the request. */
  offsetUs: z.int(),
  endpoint: z.string(),
  /** The session's credential predates the recording: sent and shown, outside the verdict. */
  headless: z.boolean(),
  request: z.object({
    method: z.string(),
    /** Path and query as recorded. */
    target: z.string(),
    headers: HeaderList,
    body: Body,
  }),
  response: HttpResponse,
  durationUs: z.int(),
  /** Tokens whose recorded value occurs in this request. */
  consumes: z.array(z.string()),
  /** Tokens read from this test's live response, and where. */
  produces: z.array(z.object({ token: z.string(), path: LeafPath })),
  volatile: z.array(VolatileLeaf),
  /** First byte of the recorded request, µs since the epoch; absent in snapshots made before this was kept. */
  ts: z.int().optional(),
  /** As in the RRPair; absent means http/1.1. */
  protocol: z.string().optional(),
  /** Leaves, as patterns, that hold values of a flow: replaced in the request, expected in the response. */
  links: z.array(FlowLink).optional(),
  /** Arrays, as patterns, whose order means nothing. */
  unordered: z.array(LeafPath).optional(),
  /** Orders that its lists keep, also where a list may stand otherwise than recorded. */
  orders: z.array(ListOrder).optional(),
  /** What the service may or may not have made by itself when it answered. */
  optional: z.array(OptionalLeaf).optional(),
  /** What may have changed already, as the recorded client saw it do. */
  settling: z.array(SettlingLeaf).optional(),
  /** What the recorded client may have waited for, before it asked or while it was asking. */
  awaits: z.array(AwaitedState).optional(),
  /** Statuses with which the service refused such a request before, which its client then sent again until it was taken. */
  insists: z.array(z.int()).optional(),
  /** Times in the request that the client made up from its own clock. */
  ownTimes: z.array(OwnTime).optional(),
  /** The address the recorded service listened on, `10.1.2.3:8080`, where a message names it and it is not the Host. */
  server: z.string().optional(),
  /** Ids, and addresses (`/pets/9`), of what other requests were writing while this one was under way: it may have seen them before or after. */
  beside: z.array(z.string()).optional(),
  /** WebSocket tests: the messages of both sides, in the order seen. */
  messages: z.array(StreamMessage).optional(),
});
export type Test = z.infer<typeof Test>;

/** An OUT pair as the responder answers it. */
export const Mock = z.object({
  /** Id of the recorded RRPair. */
  id: z.uuid(),
  session: z.string().nullable(),
  scheme: z.enum(['http', 'https']),
  /** Host and port as the client named them, `payments.localhost:8443`. */
  host: z.string(),
  endpoint: z.string(),
  /** key=value map by which the request is recognised: method, host, path, query, body leaves. */
  signature: z.record(z.string(), z.string()),
  /** Keys of the signature whose values the service under test makes anew each time. */
  volatile: z.array(z.string()),
  /** Digest of the whole signature, and of the signature without its volatile keys. */
  exact: z.string(),
  loose: z.string(),
  /** Position among the mocks of the same `loose` digest, in recorded order. */
  sequence: z.int(),
  response: HttpResponse,
  ttfbUs: z.int(),
  durationUs: z.int(),
  /** First byte of the recorded request, µs since the epoch. */
  ts: z.int().optional(),
  /** As in the RRPair; absent means http/1.1. */
  protocol: z.string().optional(),
  /**
   * What the answer depends on: `resource` is read or written by this request, and it was recorded after so many writes to
   * it (itself not counted). A read is answered by the latest recording that is not ahead of the writes of the replay.
   */
  state: z.object({ resource: z.string(), isWrite: z.boolean(), writesBefore: z.int() }).optional(),
  /** WebSocket mocks: the messages of both sides, in the order seen. */
  messages: z.array(StreamMessage).optional(),
});
export type Mock = z.infer<typeof Mock>;

/** A value that one response produced and later requests of the session consumed. */
export const Token = z.object({
  id: z.string(),
  kind: ValueKind,
  session: z.string(),
  /** The recorded value, replaced live wherever it occurs. */
  value: z.string(),
  producer: z.object({ test: z.uuid(), path: LeafPath }),
  consumers: z.array(z.object({ test: z.uuid(), path: LeafPath })),
  /** Why this is a token, in words a user understands. */
  evidence: z.string(),
  enabled: z.boolean(),
  /** The flow it belongs to: then it is replaced at the flow's places only, not wherever its text occurs. */
  flow: z.string().optional(),
});
export type Token = z.infer<typeof Token>;

export const SnapshotCounts = z.object({
  pairs: z.int(),
  tests: z.int(),
  mocks: z.int(),
  sessions: z.int(),
  tokens: z.int(),
  /** Pairs that are neither test nor mock, by reason: `gaps`, `opaque`, `no-response`, …. */
  skipped: z.record(z.string(), z.int()),
});
export type SnapshotCounts = z.infer<typeof SnapshotCounts>;

export const SnapshotManifest = z.object({
  v: z.literal(SNAPSHOT_VERSION),
  id: z.uuid(),
  name: z.string(),
  selection: TrafficQuery,
  /** Segments the pairs were read from. */
  lineage: z.array(z.uuid()),
  analyzerVersion: z.int(),
  templateVersion: z.int(),
  /** First and last request, µs since the epoch. */
  from: z.int().nullable(),
  to: z.int().nullable(),
  counts: SnapshotCounts,
});
export type SnapshotManifest = z.infer<typeof SnapshotManifest>;

export const SnapshotSummary = z.object({
  endpoints: z.array(
    z.object({
      direction: z.enum(['IN', 'OUT']),
      host: z.string(),
      endpoint: z.string(),
      method: z.string(),
      count: z.int(),
      medianUs: z.int(),
    }),
  ),
  notes: z.array(z.string()),
  /** Destinations whose connections could not be decoded, with how many there were: absent when there are none. */
  opaque: z.array(z.object({ host: z.string(), count: z.int() })).optional(),
});
export type SnapshotSummary = z.infer<typeof SnapshotSummary>;
