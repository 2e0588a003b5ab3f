// The index row: the small metadata record of one RRPair that the control plane keeps in Postgres, pointing into a
// segment. A public contract between forwarder and control plane. No header, no body, no query string is in it.
import { z } from 'zod';
import { header, requestLine } from './http-view.ts';
import { Direction, Gaps, type RRPair, serviceOf } from './rrpair.ts';
import { traceOf } from './trace-headers.ts';

export const INDEX_ROW_VERSION = 1 as const;

/** Where a pair's line is: in `segment`, in the zstd frame at [frameOffset, +frameLength), line `line` (from 0) of it. */
export const FramePosition = z.object({
  segment: z.uuid(),
  frame: z.int().nonnegative(),
  frameOffset: z.int().nonnegative(),
  frameLength: z.int().positive(),
  line: z.int().nonnegative(),
});
export type FramePosition = z.infer<typeof FramePosition>;

export const IndexRow = FramePosition.extend({
  id: z.uuid(),
  /** µs since the epoch. */
  ts: z.int(),
  cluster: z.string(),
  namespace: z.string(),
  workloadKind: z.string(),
  workload: z.string(),
  /** `cluster/namespace/name` of the workload the pair belongs to. */
  service: z.string(),
  /** The other end: for OUT the dependency's host, for IN the client's address. */
  peer: z.string(),
  direction: Direction,
  protocol: z.string(),
  method: z.string(),
  host: z.string(),
  path: z.string(),
  /** Path template, `/orders/{id}`. */
  endpoint: z.string(),
  status: z.int().nullable(),
  grpcStatus: z.int().nullable(),
  error: z.string().nullable(),
  gaps: Gaps.nullable(),
  latencyUs: z.int().nonnegative(),
  ttfbUs: z.int().nonnegative().nullable(),
  requestBytes: z.int().nonnegative(),
  responseBytes: z.int().nonnegative(),
  connection: z.string(),
  seq: z.int().nonnegative(),
  session: z.string().nullable(),
  traceId: z.string().nullable(),
  /** IN pair that an OUT pair was made for, with the confidence 0..1 of that link. */
  cause: z.object({ id: z.uuid(), confidence: z.number() }).nullable(),
  ruleVersion: z.string().nullable(),
  /** How many pairs this row stands for when repeats were folded; 1 otherwise. */
  foldWeight: z.int().positive(),
  tags: z.record(z.string(), z.string()),
  /** Which part of a stream this is, from 0; absent for a whole pair. */
  part: z.int().nonnegative().optional(),
});
export type IndexRow = z.infer<typeof IndexRow>;

/** The status a gRPC call ended with: in its trailers, or in the headers when nothing else came; null without one. */
export function grpcStatusOf({ protocol, response }: RRPair): number | null {
  if (protocol !== 'grpc' || !response) return null;
  const value = header(response.trailers ?? [], 'grpc-status') ?? header(response.headers, 'grpc-status');
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : null;
}

/** The index row of a pair at its position, with its endpoint template and the version of the rules it was made under. */
export function indexRow(
  pair: RRPair,
  position: FramePosition,
  endpoint: string,
  ruleVersion: string | null = null,
): IndexRow {
  const { method, host, path } = requestLine(pair);
  return {
    ...position,
    id: pair.id,
    ts: pair.ts,
    cluster: pair.source.cluster,
    namespace: pair.source.namespace,
    workloadKind: pair.source.workload.kind,
    workload: pair.source.workload.name,
    service: serviceOf(pair.source),
    peer: pair.direction === 'OUT' ? host || pair.server.ip : pair.client.ip,
    direction: pair.direction,
    protocol: pair.protocol,
    method,
    host,
    path,
    endpoint,
    status: pair.response?.status ?? null,
    grpcStatus: grpcStatusOf(pair),
    error: pair.error,
    gaps: pair.gaps ?? null,
    latencyUs: pair.durationUs,
    ttfbUs: pair.ttfbUs,
    requestBytes: pair.request?.body.size ?? pair.opaque?.sentBytes ?? 0,
    responseBytes: pair.response?.body.size ?? pair.opaque?.receivedBytes ?? 0,
    connection: pair.connection.id,
    seq: pair.connection.seq,
    session: pair.session,
    traceId: (pair.trace ?? traceOf(pair.request?.headers ?? []))?.traceId ?? null,
    cause: null,
    ruleVersion,
    foldWeight: 1,
    tags: pair.tags,
    ...(pair.part ? { part: pair.part.index } : {}),
  };
}
