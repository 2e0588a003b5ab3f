// From annotations to settings, and from settings to what is written onto a pod template and read back. Every problem
// names the annotation, the value and what is allowed. What is written holds what differs from the defaults and nothing
// of a version, so that a new operator changes no pod template.
import { z } from 'zod';
import { INVERSE_ANNOTATION, RESOLVED_ANNOTATION, SIDECAR_PREFIX, STATUS_ANNOTATION } from './names.ts';
import { SETTING_NAMES, type SettingName, Settings } from './settings.ts';

export interface SettingProblem {
  /** Full name of the annotation. */
  field: string;
  value: string;
  allowed: string;
}
export type ParsedSettings =
  | {
      settings: Settings;
      /** As they were given, where they differ from the defaults. */
      given: Readonly<Record<string, string>>;
    }
  | { problems: SettingProblem[] };

type Annotations = Readonly<Record<string, string>>;

const NOT_SETTINGS = new Set([RESOLVED_ANNOTATION, STATUS_ANNOTATION, INVERSE_ANNOTATION]);
const MAX_VALUE_SHOWN = 120;
/** Names farther from every setting than this are told all of them. */
const MAX_DISTANCE = 4;
const PLAIN = Settings.parse({});
const QUANTITY_UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};
/** Pairs of listeners that would take each other's port. */
const PORT_NAMES = ['in-port', 'out-port'] as const;
const TAKEN = new Set([4145, 4100, 4153]);

/** The settings of our annotations among `annotations`, over `defaults` (by name, without the prefix). */
export function parseSettings(annotations: Annotations, defaults: Annotations = {}): ParsedSettings {
  const own = Object.entries(annotations)
    .filter(([key]) => key.startsWith(SIDECAR_PREFIX) && !NOT_SETTINGS.has(key))
    .map(([key, value]) => [key.slice(SIDECAR_PREFIX.length), value.trim()] as const);
  return parseNamed({ ...defaults, ...Object.fromEntries(own) });
}

/** Whether any of our annotations is there. */
export function hasSettings(annotations: Annotations): boolean {
  return Object.keys(annotations).some((key) => key.startsWith(SIDECAR_PREFIX) && !NOT_SETTINGS.has(key));
}

function parseNamed(named: Annotations): ParsedSettings {
  const unknown = Object.keys(named).filter((name) => !isSetting(name));
  const known = Object.fromEntries(Object.entries(named).filter(([name]) => isSetting(name)));
  const parsed = Settings.safeParse(known);
  const problems: SettingProblem[] = [
    ...unknown.map((name) => problem(name, named[name]!, suggestion(name))),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => {
      const name = String(path[0]);
      return problem(name, known[name] ?? '', message);
    }),
  ];
  if (parsed.success) problems.push(...contradictions(parsed.data));
  if (!parsed.success || problems.length > 0) return { problems };
  return { settings: parsed.data, given: differing(parsed.data, known) };
}

function contradictions(settings: Settings): SettingProblem[] {
  const problems: SettingProblem[] = [];
  for (const name of PORT_NAMES) {
    const allowed = `a port other than ${[...TAKEN].join(', ')}, which the sidecar needs itself`;
    if (TAKEN.has(settings[name])) problems.push(problem(name, String(settings[name]), allowed));
  }
  if (settings['in-port'] === settings['out-port'])
    problems.push(problem('out-port', String(settings['out-port']), 'another port than in-port'));
  if (settings.mode === 'forward' && settings.protocol === 'tcp')
    problems.push(problem('protocol', 'tcp', 'http, socks, tcp:http or tcp:socks in mode forward'));
  for (const kind of ['cpu', 'memory'] as const) {
    const [request, limit] = [settings[`${kind}-request`], settings[`${kind}-limit`]];
    if (limit !== undefined && quantityOf(request) > quantityOf(limit))
      problems.push(problem(`${kind}-request`, request, `at most ${kind}-limit, ${limit}`));
  }
  return problems;
}

function quantityOf(text: string): number {
  const [, digits, unit = ''] = /^([\d.]+)(\w*)$/.exec(text) ?? [];
  return Number(digits) * (QUANTITY_UNITS[unit] ?? Number.NaN);
}

function differing(settings: Settings, given: Annotations): Record<string, string> {
  const names = SETTING_NAMES.filter(
    (name) => given[name] !== undefined && JSON.stringify(settings[name]) !== JSON.stringify(PLAIN[name]),
  );
  return Object.fromEntries(names.map((name) => [name, given[name]!]));
}

/** One sentence for people. */
export function describeProblem({ field, value, allowed }: SettingProblem): string {
  return `${field} is ${JSON.stringify(value)}; allowed: ${allowed}.`;
}

function problem(name: string, value: string, allowed: string): SettingProblem {
  return { field: `${SIDECAR_PREFIX}${name}`, value: value.slice(0, MAX_VALUE_SHOWN), allowed };
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(Settings.shape, name);
}

function suggestion(name: string): string {
  const [nearest] = SETTING_NAMES.map((known) => [known, distance(name, known)] as const).sort(
    (a, b) => a[1] - b[1],
  );
  return nearest && nearest[1] <= MAX_DISTANCE
    ? `${SIDECAR_PREFIX}${nearest[0]}, which is the nearest name that there is`
    : `one of these names after ${SIDECAR_PREFIX}: ${SETTING_NAMES.join(', ')}`;
}

/** Levenshtein, over the first 64 letters. */
function distance(a: string, b: string): number {
  const [from, to] = [a.slice(0, 64), b.slice(0, 64)];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}

export interface WorkloadName {
  kind: string;
  name: string;
}
export interface ResolvedSettings {
  settings: Settings;
  workload: WorkloadName;
}

const Resolved = z.object({
  workload: z.object({ kind: z.string().min(1), name: z.string().min(1) }),
  settings: z.record(z.string(), z.string()).default({}),
});

/** What the annotation `resolved` says; the same settings make the same text. */
export function renderResolved(workload: WorkloadName, given: Annotations): string {
  const settings = Object.fromEntries(
    SETTING_NAMES.filter((name) => name !== 'inject' && given[name] !== undefined).map((name) => [
      name,
      given[name],
    ]),
  );
  return JSON.stringify({ workload: { kind: workload.kind, name: workload.name }, settings });
}

/** Reads the annotation `resolved` back. Settings that a newer operator wrote and this one does not know are left out. */
export function parseResolved(text: string): ResolvedSettings | { problems: SettingProblem[] } {
  const resolved = Resolved.safeParse(parseJson(text));
  if (!resolved.success)
    return {
      problems: [problem('resolved', text, 'what the operator wrote; remove it to have it written anew')],
    };
  const known = Object.entries(resolved.data.settings).filter(([name]) => isSetting(name));
  const parsed = parseNamed({ inject: 'true', ...Object.fromEntries(known) });
  return 'problems' in parsed ? parsed : { settings: parsed.settings, workload: resolved.data.workload };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
