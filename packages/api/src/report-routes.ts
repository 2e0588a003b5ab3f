// Routes about reports and test configs. Part of the one route table.
import { Assertion, Goals, ReportComparison, TestConfig } from '@echoplane/traffic';
import { z } from 'zod';
import { id, list, route } from './route-spec.ts';
import * as s from './schemas.ts';

/** `junit`: XML for pipelines; `markdown`: a comment for a pull request, at most 60 KB; `json`: the report itself. */
export const ReportFormat = z.enum(['junit', 'markdown', 'json']);
export type ReportFormat = z.infer<typeof ReportFormat>;

/** Judges the same results anew: what is given replaces what was asked before. */
export const Reanalysis = z.object({
  goals: Goals.partial().optional(),
  assertions: z.array(Assertion).max(200).optional(),
});

export const TestConfigName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?$/, 'must be lower case letters, digits, - and .');
export const StoredTestConfig = z.object({ name: TestConfigName, config: TestConfig, updatedAt: z.int() });
export type StoredTestConfig = z.infer<typeof StoredTestConfig>;
const byName = z.object({ name: TestConfigName });

export const REPORT_ROUTES = {
  report: route({
    method: 'GET',
    path: '/v1/replays/:id/report',
    access: 'viewer',
    agents: true,
    summary: 'The report of a replay',
    params: id,
    status: 200,
    response: s.ReportDetail,
  }),
  reportText: route({
    method: 'GET',
    path: '/v1/replays/:id/report/:format',
    access: 'viewer',
    agents: true,
    summary: 'The report as JUnit XML, Markdown or JSON',
    params: id.extend({ format: ReportFormat }),
    status: 200,
  }),
  compareReports: route({
    method: 'GET',
    path: '/v1/replays/:id/compare/:before',
    access: 'viewer',
    agents: true,
    summary: 'What changed since another replay',
    params: id.extend({ before: z.uuid() }),
    status: 200,
    response: ReportComparison,
  }),
  reanalyzeReplay: route({
    method: 'POST',
    path: '/v1/replays/:id/analyze',
    access: 'editor',
    summary: 'Judge the same results anew, with other assertions or goals',
    params: id,
    body: Reanalysis,
    status: 202,
    response: s.Replay,
  }),
  testConfigs: route({
    method: 'GET',
    path: '/v1/test-configs',
    access: 'viewer',
    agents: true,
    summary: 'Test configs by name',
    status: 200,
    response: list(StoredTestConfig),
  }),
  testConfig: route({
    method: 'GET',
    path: '/v1/test-configs/:name',
    access: 'viewer',
    agents: true,
    summary: 'One test config',
    params: byName,
    status: 200,
    response: StoredTestConfig,
  }),
  putTestConfig: route({
    method: 'PUT',
    path: '/v1/test-configs/:name',
    access: 'editor',
    summary: 'Keep a test config under a name',
    params: byName,
    body: TestConfig,
    status: 200,
    response: StoredTestConfig,
  }),
} as const;
