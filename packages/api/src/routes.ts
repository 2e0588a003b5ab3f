// The route table of `/v1`: every verb with the least role that may use it and the shapes in and out. The server
// registers its handlers from this table, the client calls through it, the OpenAPI document is printed from it.
import { ArtifactName } from '@echoplane/traffic';
import { z } from 'zod';
import * as s from './schemas.ts';

/** `public`: no credential; `agent`: data-plane keys and admins; the others are ranks: viewer < editor < admin. */
export type Access = 'public' | 'viewer' | 'editor' | 'admin' | 'agent';

export interface RouteSpec {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  access: Access;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status of success. */
  status: 200 | 201 | 202 | 204;
  /** Absent for 204 and for streamed bytes. */
  response?: z.ZodType;
}

const id = z.object({ id: z.uuid() });
const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
const empty = z.object({});

function route<const R extends RouteSpec>(spec: R): R {
  return spec;
}

export const ROUTES = {
  signIn: route({
    method: 'POST',
    path: '/v1/sign-in',
    access: 'public',
    summary: 'Start a session',
    body: s.SignIn,
    status: 200,
    response: s.Me,
  }),
  signOut: route({
    method: 'POST',
    path: '/v1/sign-out',
    access: 'viewer',
    summary: 'End the session',
    body: empty,
    status: 204,
  }),
  me: route({
    method: 'GET',
    path: '/v1/me',
    access: 'viewer',
    summary: 'Who am I',
    status: 200,
    response: s.Me,
  }),
  agent: route({
    method: 'GET',
    path: '/v1/agent',
    access: 'agent',
    summary: 'Whom does this key serve',
    status: 200,
    response: s.AgentIdentity,
  }),
  services: route({
    method: 'GET',
    path: '/v1/services',
    access: 'viewer',
    summary: 'Services with live traffic',
    status: 200,
    response: s.ServiceList,
  }),
  traffic: route({
    method: 'GET',
    path: '/v1/traffic',
    access: 'viewer',
    summary: 'RRPairs, newest first',
    query: s.TrafficListQuery,
    status: 200,
    response: s.TrafficList,
  }),
  trafficGraph: route({
    method: 'GET',
    path: '/v1/traffic/graph',
    access: 'viewer',
    summary: 'Counts and latency over time',
    query: s.TrafficGraphQuery,
    status: 200,
    response: s.TrafficGraph,
  }),
  trafficPair: route({
    method: 'GET',
    path: '/v1/traffic/:id',
    access: 'viewer',
    summary: 'One RRPair with headers and bodies',
    params: id,
    status: 200,
    response: s.PairDetail,
  }),
  accounting: route({
    method: 'GET',
    path: '/v1/accounting',
    access: 'viewer',
    summary: 'Counters of all hops',
    status: 200,
    response: s.Accounting,
  }),
  createSnapshot: route({
    method: 'POST',
    path: '/v1/snapshots',
    access: 'editor',
    summary: 'Freeze a selection and analyze it',
    body: s.NewSnapshot,
    status: 202,
    response: s.Snapshot,
  }),
  snapshots: route({
    method: 'GET',
    path: '/v1/snapshots',
    access: 'viewer',
    summary: 'Snapshots, newest first',
    status: 200,
    response: list(s.Snapshot),
  }),
  snapshot: route({
    method: 'GET',
    path: '/v1/snapshots/:id',
    access: 'viewer',
    summary: 'One snapshot',
    params: id,
    status: 200,
    response: s.Snapshot,
  }),
  artifact: route({
    method: 'GET',
    path: '/v1/snapshots/:id/artifacts/:name',
    access: 'viewer',
    summary: 'A file of the snapshot, streamed',
    params: id.extend({ name: ArtifactName }),
    status: 200,
  }),
  createReplay: route({
    method: 'POST',
    path: '/v1/replays',
    access: 'editor',
    summary: 'Open a replay',
    body: s.NewReplay,
    status: 201,
    response: s.Replay,
  }),
  replays: route({
    method: 'GET',
    path: '/v1/replays',
    access: 'viewer',
    summary: 'Replays, newest first',
    status: 200,
    response: list(s.Replay),
  }),
  replay: route({
    method: 'GET',
    path: '/v1/replays/:id',
    access: 'viewer',
    summary: 'One replay',
    params: id,
    status: 200,
    response: s.Replay,
  }),
  finishReplay: route({
    method: 'POST',
    path: '/v1/replays/:id/finish',
    access: 'editor',
    summary: 'The generator is done: analyze',
    params: id,
    body: s.FinishReplay,
    status: 202,
    response: s.Replay,
  }),
  cancelReplay: route({
    method: 'POST',
    path: '/v1/replays/:id/cancel',
    access: 'editor',
    summary: 'End a replay that runs',
    params: id,
    body: empty,
    status: 200,
    response: s.Replay,
  }),
  report: route({
    method: 'GET',
    path: '/v1/replays/:id/report',
    access: 'viewer',
    summary: 'The report of a replay',
    params: id,
    status: 200,
    response: s.ReportDetail,
  }),
  job: route({
    method: 'GET',
    path: '/v1/jobs/:id',
    access: 'viewer',
    summary: 'State of a job',
    params: id,
    status: 200,
    response: s.Job,
  }),
  ingestIndex: route({
    method: 'POST',
    path: '/v1/ingest/index',
    access: 'agent',
    summary: 'Index batch of one frame',
    body: s.IndexBatch,
    status: 200,
    response: s.IngestResult,
  }),
  ingestSegment: route({
    method: 'POST',
    path: '/v1/ingest/segments',
    access: 'agent',
    summary: 'A segment is in the store',
    body: s.SegmentShipped,
    status: 200,
    response: s.IngestResult,
  }),
  ingestReports: route({
    method: 'POST',
    path: '/v1/ingest/reports',
    access: 'agent',
    summary: 'Counters of hops, without rows',
    body: s.HopReports,
    status: 204,
  }),
} as const;
export type RouteName = keyof typeof ROUTES;
