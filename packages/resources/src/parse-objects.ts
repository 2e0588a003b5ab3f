// Our own objects, read strictly: the spec typed and with its defaults, or every problem with its path. The API server has
// checked most of it; what it cannot check, and objects that never were in an API server, are checked here.
import { z } from 'zod';
import { CaptureConfigSpec, ClusterCaptureConfigSpec } from './capture-config.ts';
import { SIDECAR_PREFIX } from './names.ts';
import { parseSettings } from './settings-parse.ts';
import { TrafficReplaySpec } from './traffic-replay.ts';

export interface ObjectProblem {
  /** `spec.workloads[0].url` */
  path: string;
  message: string;
}
export type Parsed<T> = { spec: T } | { problems: ObjectProblem[] };

/** The spec of a TrafficReplay. */
export function parseTrafficReplay(object: unknown): Parsed<TrafficReplaySpec> {
  const parsed = read(TrafficReplaySpec, object);
  if ('problems' in parsed) return parsed;
  const problems = replayProblems(parsed.spec);
  return problems.length > 0 ? { problems } : parsed;
}

/** The spec of a CaptureConfig. */
export function parseCaptureConfig(object: unknown): Parsed<CaptureConfigSpec> {
  return withSettings(read(CaptureConfigSpec, object));
}

/** The spec of a ClusterCaptureConfig. */
export function parseClusterCaptureConfig(object: unknown): Parsed<ClusterCaptureConfigSpec> {
  return withSettings(read(ClusterCaptureConfigSpec, object));
}

function read<T>(schema: z.ZodType<T>, object: unknown): Parsed<T> {
  const parsed = z.object({ spec: schema }).safeParse(object);
  if (parsed.success) return { spec: parsed.data.spec };
  return {
    problems: parsed.error.issues.map(({ path, message }) => ({ path: pathOf(path), message })),
  };
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

function replayProblems({ mode, workloads, isolate, generator }: TrafficReplaySpec): ObjectProblem[] {
  const problems: ObjectProblem[] = [];
  const seen = new Set<string>();
  for (const [index, { ref, url, routing, mocks }] of workloads.entries()) {
    const objection = (field: string, message: string) =>
      problems.push({ path: `spec.workloads[${index}]${field}`, message });
    if ((ref === undefined) === (url === undefined)) objection('', 'needs exactly one of ref and url');
    if (url !== undefined) {
      if (!isHttpUrl(url)) objection('.url', 'is not http://host:port or https://host:port');
      if (mode !== 'tests-only')
        objection('.url', 'is possible with mode tests-only: there is no pod to wire');
      if (routing === 'hostalias') objection('.routing', 'hostalias needs ref: there is no pod to wire');
      if (mocks !== undefined) objection('.mocks', 'need ref: there is no pod to wire');
    }
    if (routing === 'hostalias' && mocks?.includes('*'))
      objection('.mocks', 'names its hosts with routing hostalias; * is possible with routing sidecar');
    const key = ref ? `${ref.namespace ?? ''}/${ref.kind}/${ref.name}` : `${url}`;
    if (seen.has(key)) objection('', `names ${key} a second time`);
    seen.add(key);
  }
  if (isolate && mode === 'tests-only')
    problems.push({
      path: 'spec.isolate',
      message: 'cuts what is not mocked, and mode tests-only mocks nothing',
    });
  if (mode === 'mocks-only' && generator.replicas > 1)
    problems.push({ path: 'spec.generator.replicas', message: 'mode mocks-only has no generator' });
  return problems;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:\/\/[^/?#@]+\/?$/.test(text);
}

function withSettings<T extends CaptureConfigSpec>(parsed: Parsed<T>): Parsed<T> {
  if ('problems' in parsed) return parsed;
  const settings = parseSettings({}, parsed.spec.settings);
  if (!('problems' in settings)) return parsed;
  return {
    problems: settings.problems.map(({ field, value, allowed }) => ({
      path: `spec.settings[${JSON.stringify(field.slice(SIDECAR_PREFIX.length))}]`,
      message: `is ${JSON.stringify(value)}; allowed: ${allowed}`,
    })),
  };
}
