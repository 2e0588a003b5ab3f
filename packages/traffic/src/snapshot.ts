// The artifact files of a snapshot folder. Readable, editable JSON; all but `rrpairs.jsonl.zst` can be derived again
// at any time. A public contract: fields are only added. It must not know how artifacts are made or used.
import { z } from 'zod';
import { TrafficQuery } from './filter.ts';
import { Body, HeaderList, HttpResponse } from './rrpair.ts';

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

/** What kind of generated value a leaf holds; `sequence` is a number that only counts up, `email` a redacted address. */
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
]);
export type ValueKind = z.infer<typeof ValueKind>;

/** A leaf that is compared by kind instead of by value, with the reason. `path` is a pattern. */
export const VolatileLeaf = z.object({
  path: LeafPath,
  kind: ValueKind,
  /** Texts only: what stays the same around the generated pieces, `https://pay.example/r/{token}`. */
  shape: z.string().optional(),
  why: z.string(),
});
export type VolatileLeaf = z.infer<typeof VolatileLeaf>;

/** An IN pair as the generator sends it. Values are the recorded ones; `consumes` says which are replaced live. */
export const Test = z.object({
  /** Id of the recorded RRPair. */
  id: z.uuid(),
  session: z.string(),
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
});
export type Token = z.infer<typeof Token>;

/** extractor + chain of functions. Only what the first replay needs is defined; more kinds are added, none changed. */
export const Transform = z.object({
  id: z.string(),
  at: z.enum(['generator-request', 'generator-response', 'responder-request', 'responder-response']),
  when: TrafficQuery,
  extract: z.object({ leaf: LeafPath }),
  functions: z.array(
    z.discriminatedUnion('name', [
      z.object({ name: z.literal('store'), variable: z.string() }),
      z.object({ name: z.literal('replace'), variable: z.string() }),
      z.object({ name: z.literal('constant'), value: z.string() }),
    ]),
  ),
});
export type Transform = z.infer<typeof Transform>;

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
});
export type SnapshotSummary = z.infer<typeof SnapshotSummary>;
