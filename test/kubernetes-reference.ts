// What the pages on Kubernetes repeat of the code, as rows of tables: settings, fields, rights, metrics, reasons. For the
// test that holds the pages to them. It must not know the pages.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTING_NAMES, Settings } from '@echoplane/resources';
import { envName, type Sample } from '@echoplane/runtime';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..');

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  default?: unknown;
}
const code = (value: unknown) => `\`${value}\``;
const shown = (value: unknown): string => {
  const isNothing =
    value === undefined || value === '' || (typeof value === 'object' && Object.keys(value!).length === 0);
  return isNothing ? 'none' : code(typeof value === 'object' ? JSON.stringify(value) : value);
};

/** Every setting of a workload: name, what is allowed, default, meaning. */
export function annotationRows(): string[][] {
  const { properties = {} } = z.toJSONSchema(Settings, { io: 'input' }) as JsonSchema;
  return SETTING_NAMES.map((name) => {
    const schema = Settings.shape[name];
    // No setting takes this, so each says what it would take.
    const allowed = schema.safeParse('\0').error!.issues[0]!.message;
    return [code(name), allowed, shown(properties[name]?.default), schema.description ?? ''];
  });
}

/** Every setting of a program: variable, default, meaning. */
export function settingRows({ shape }: z.ZodObject): string[][] {
  return Object.entries(shape).map(([field, schema]) => {
    const { success, data } = (schema as z.ZodType).safeParse(undefined);
    return [
      code(envName(field)),
      success ? shown(data) : 'required',
      (schema as z.ZodType).description ?? '',
    ];
  });
}

/** Every field of a schema, as a path, and its default. */
export function fieldRows(schema: z.ZodType): string[][] {
  const rows: string[][] = [];
  const walk = (at: string, { properties = {}, items, default: value }: JsonSchema): void => {
    if (at !== '') rows.push([code(at), shown(value)]);
    if (items) for (const [name, one] of Object.entries(items.properties ?? {})) walk(`${at}[].${name}`, one);
    for (const [name, one] of Object.entries(properties)) walk(at === '' ? name : `${at}.${name}`, one);
  };
  walk('', z.toJSONSchema(schema, { io: 'input' }) as JsonSchema);
  return rows;
}

/** Every metric: name, type, label, meaning. */
export function metricRows(samples: readonly Sample[]): string[][] {
  return samples.map(({ name, type, values, help }) => {
    const labels = Object.keys(values[0]?.labels ?? {});
    return [code(name), type, labels.map(code).join(', '), help];
  });
}

const SCOPES: Readonly<Record<string, string>> = {
  namespaced: 'each namespace',
  cluster: 'cluster',
  whole: 'cluster; not with `namespaces`',
  install: 'own namespace',
};

/** Every rule of the chart: account, where it holds, verbs, on what. */
export function rightsRows(): string[][] {
  const text = readFileSync(join(ROOT, 'charts/echoplane/templates/_rules.tpl'), 'utf8');
  const blocks = text.matchAll(/define "echoplane\.rules\.(\w+)\.(\w+)" -?}}([\s\S]*?){{-? ?end/g);
  return [...blocks].flatMap(([, account = '', scope = '', body = '']) =>
    ((parse(body) ?? []) as Record<'apiGroups' | 'resources' | 'resourceNames' | 'verbs', string[]>[]).map(
      ({ apiGroups, resources, resourceNames, verbs }) => {
        const groups = apiGroups.filter((group) => group !== '').join(', ');
        const names = resourceNames ? ` named ${resourceNames.map(code).join(', ')}` : '';
        return [
          account,
          SCOPES[scope]!,
          verbs.join(', '),
          `${resources.map(code).join(', ')}${groups && ` of ${groups}`}${names}`,
        ];
      },
    ),
  );
}

/** Sources of a package, without its tests. */
export function sourceOf(name: string): string {
  const folder = join(ROOT, 'packages', name, 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}

const REASONS = [
  /\breason: '([A-Z]\w+)'/g,
  /\b(?:fail|wait|warning|refusal)\(\s*'([A-Z]\w+)'/g,
  /\bend\(\s*'\w+',\s*'([A-Z]\w+)'/g,
  /'(?:Normal|Warning)',\s*'([A-Z]\w+)'/g,
  /'([A-Z]\w+NotSet)'/g,
  // The verdict's words, as reasons of the condition Passed.
  /'(Passed|MissedGoals|Void)'/g,
];

/** Every reason of an Event or condition in the sources of a package; `Invalid` is that of an HTTP answer. */
export function reasonsIn(source: string): Set<string> {
  const found = REASONS.flatMap((one) => [...source.matchAll(one)].map(([, reason]) => reason!));
  return new Set(found.filter((reason) => reason !== 'Invalid'));
}
