// The CustomResourceDefinitions, made of the schemas: zod → JSON schema → what Kubernetes calls structural. Rules (CEL) refuse
// what can be refused without the operator; lists and texts are bounded so that their cost can be. `deploy/crds.ts` writes
// them to crds/, where a test holds them to this.
import { RulesDocument } from '@echoplane/rules';
import { z } from 'zod';
import { CaptureConfigSpec, ClusterCaptureConfigSpec } from './capture-config.ts';
import { REPLAY_COLUMNS, REPLAY_RULES, type Rule, SETTINGS_RULE } from './crd-rules.ts';
import { GROUP, VERSION } from './names.ts';
import { TrafficReplaySpec, TrafficReplayStatus } from './traffic-replay.ts';

type Schema = { [key: string]: unknown };
export interface Crd {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string };
  spec: Schema;
}

interface Definition {
  kind: string;
  plural: string;
  shortNames: string[];
  scope: 'Namespaced' | 'Cluster';
  what: string;
  spec: Schema;
  status?: Schema;
  columns?: Schema[];
}

/** All of them. */
export function crds(): Crd[] {
  return [trafficReplay(), captureConfig(), clusterCaptureConfig()];
}

function trafficReplay(): Crd {
  return crd({
    kind: 'TrafficReplay',
    plural: 'trafficreplays',
    shortNames: ['replay'],
    scope: 'Namespaced',
    what: 'One run of a snapshot against workloads: requests from a generator, dependencies from a responder.',
    spec: withRules(structural(TrafficReplaySpec), REPLAY_RULES),
    status: structural(TrafficReplayStatus),
    columns: REPLAY_COLUMNS,
  });
}

function captureConfig(): Crd {
  return crd({
    kind: 'CaptureConfig',
    plural: 'captureconfigs',
    shortNames: ['capture'],
    scope: 'Namespaced',
    what: 'Capture of the workloads of this namespace that a selector chooses, with its settings.',
    spec: withRules(structural(CaptureConfigSpec), SETTINGS_RULE),
  });
}

function clusterCaptureConfig(): Crd {
  return crd({
    kind: 'ClusterCaptureConfig',
    plural: 'clustercaptureconfigs',
    shortNames: ['clustercapture'],
    scope: 'Cluster',
    what: 'Defaults and capture for many namespaces, and the rules of what may leave the cluster.',
    spec: withRules(structural(ClusterCaptureConfigSpec), SETTINGS_RULE),
  });
}

function crd({ kind, plural, shortNames, scope, what, spec, status, columns }: Definition): Crd {
  const names = { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames };
  const openAPIV3Schema = {
    type: 'object',
    description: what,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      ...(status && { status }),
    },
  };
  const version = {
    name: VERSION,
    served: true,
    storage: true,
    schema: { openAPIV3Schema },
    ...(status && { subresources: { status: {} } }),
    additionalPrinterColumns: columns ?? [
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: { group: GROUP, scope, names: { ...names, categories: ['echoplane'] }, versions: [version] },
  };
}

/** Checked by the operator, whose schema it is: it says more than a structural schema can. */
const RULES = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

function structural(schema: z.ZodType): Schema {
  const made = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if ((zodSchema as unknown) !== RulesDocument) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
      Object.assign(jsonSchema, RULES);
    },
  });
  return tidied(made as Schema);
}

/** What zod says beyond a structural schema, and what it does not know. */
function tidied(schema: Schema): Schema {
  const { additionalProperties: open, ...rest } = schema;
  const out: Schema = { ...rest };
  for (const key of ['$schema', 'id', '~standard', 'propertyNames']) delete out[key];
  for (const bound of ['minimum', 'maximum'] as const)
    if (Math.abs(Number(out[bound])) === Number.MAX_SAFE_INTEGER) delete out[bound];
  if (isPlainMap(open)) out.additionalProperties = tidied(open);
  if (isPlainMap(out.properties))
    out.properties = Object.fromEntries(
      Object.entries(out.properties).map(([name, property]) => [name, tidied(property as Schema)]),
    );
  if (isPlainMap(out.items)) out.items = tidied(out.items);
  // Anything at all: an id or a whole test configuration, say.
  if (out.type === undefined && out.enum === undefined)
    return { ...without(out, ['anyOf', 'oneOf', 'allOf']), 'x-kubernetes-preserve-unknown-fields': true };
  if (out.type === 'integer') out.format = 'int64';
  return out;
}

function isPlainMap(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function without(schema: Schema, keys: readonly string[]): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)));
}

/** Puts rules where their paths say: field names, `[]` for the elements of a list. */
function withRules(schema: Schema, rules: readonly Rule[]): Schema {
  for (const { at, ...rule } of rules) {
    const target = at.reduce<Schema>((inner, part) => {
      const next = part === '[]' ? inner.items : (inner.properties as Schema)[part];
      if (!isPlainMap(next)) throw new Error(`no schema at ${at.join('.')}`);
      return next;
    }, schema);
    const known = (target['x-kubernetes-validations'] as Schema[] | undefined) ?? [];
    target['x-kubernetes-validations'] = [...known, rule];
  }
  return schema;
}
