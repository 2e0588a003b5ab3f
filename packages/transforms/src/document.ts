// transforms.json: chains, variables, and the named templates they may come from. Shapes only; what they do is compiled
// elsewhere. A public contract: fields are only added.
import { z } from 'zod';
import { ExtractorConfig } from './extract/registry.ts';
import { FunctionConfig } from './functions/registry.ts';
import { TransformError } from './transform-error.ts';

export const CHAIN_POINTS = [
  'generator-request',
  'generator-response',
  'responder-request',
  'responder-response',
] as const;
export const ChainPoint = z
  .enum(CHAIN_POINTS)
  .describe(
    'Where it runs: on what the generator sends or gets back, on what the responder is asked (before it looks for a recording) or answers.',
  );
export type ChainPoint = z.infer<typeof ChainPoint>;

const id = () => z.string().regex(/^[\w.:-]{1,200}$/, 'wants letters, digits, _ . : -, at most 200');
const when = () =>
  z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe('Expression of the filter language; every message without it.');
const functions = () =>
  z.array(FunctionConfig).max(50).describe('In order; each works on what the one before it opened or made.');

export const Chain = z
  .strictObject({
    id: id().describe('Stays the same; names the chain in reports.'),
    at: ChainPoint,
    when: when(),
    extract: ExtractorConfig.describe('The value the chain works on.'),
    functions: functions(),
    strict: z
      .boolean()
      .default(false)
      .describe(
        'What is not found, has no value or would change its type is a finding instead of being passed over.',
      ),
    active: z.boolean().default(true).describe('Switched off, it is kept and does nothing.'),
  })
  .describe('A place in a message, and what is done to the value there.');
export type Chain = z.output<typeof Chain>;

export const Variable = z
  .strictObject({
    name: z.string().min(1).max(200).describe('Name, for `${{var:name}}`.'),
    at: z
      .enum(['start', ...CHAIN_POINTS])
      .default('start')
      .describe('When it is filled: as a virtual user starts, or from messages, after the chains there.'),
    when: when(),
    extract: ExtractorConfig.default({ name: 'empty' }).describe('Where its value comes from.'),
    functions: functions().default([]),
  })
  .describe('A value of each virtual user.');
export type Variable = z.output<typeof Variable>;

const MAX_CHAINS = 1_000;

export const TransformsDocument = z
  .strictObject({
    v: z.literal(1),
    chains: z.array(Chain).max(MAX_CHAINS).default([]).describe('Run in order; all that hold apply.'),
    variables: z
      .array(Variable)
      .max(MAX_CHAINS)
      .default([])
      .describe('Filled before the first chain that needs them.'),
  })
  .describe('The transforms of a snapshot.');
export type TransformsDocument = z.output<typeof TransformsDocument>;

/** A document under a name, used again with other parameters: `${{param:host}}` in any of its texts. */
export const TransformsTemplate = z
  .strictObject({
    name: id().describe('Name of the template.'),
    title: z.string().max(200).optional().describe('A sentence on what it does.'),
    parameters: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^\w{1,64}$/)
            .describe('Name, for `${{param:name}}`.'),
          title: z.string().max(500).optional().describe('What it means.'),
          default: z
            .string()
            .max(10_000)
            .optional()
            .describe('Its value when none is given; must be given without it.'),
        }),
      )
      .max(100)
      .default([])
      .describe('What is filled in when the template is used.'),
    document: TransformsDocument,
  })
  .describe('A reusable document with parameters.');
export type TransformsTemplate = z.output<typeof TransformsTemplate>;

export const NO_TRANSFORMS: TransformsDocument = { v: 1, chains: [], variables: [] };

/** A document from JSON. An empty array, as transforms.json once was, has no chains. Throws TransformError. */
export function parseTransforms(value: unknown): TransformsDocument {
  if (Array.isArray(value) && value.length === 0) return NO_TRANSFORMS;
  return checked(TransformsDocument, value);
}

/** Throws TransformError. */
export function parseTemplate(value: unknown): TransformsTemplate {
  return checked(TransformsTemplate, value);
}

function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 20).map(({ path, message }) => {
    const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
    return `${place.replace(/^\./, '') || 'the document'}: ${message}`;
  });
  throw new TransformError('bad-document', problems);
}

/** The template's document with its parameters filled in; ids of chains get the template's name in front. Throws TransformError. */
export function fillTemplate(
  template: TransformsTemplate,
  values: Readonly<Record<string, string>>,
): TransformsDocument {
  const known = new Map(template.parameters.map((parameter) => [parameter.name, parameter.default]));
  const problems = Object.keys(values)
    .filter((name) => !known.has(name))
    .map((name) => `template ${template.name} has no parameter ${name}`);
  const fill = (text: string) =>
    text.replace(/\$\{\{param:(\w+)\}\}/g, (written, name: string) => {
      const value = values[name] ?? known.get(name);
      if (value !== undefined) return value;
      problems.push(`template ${template.name} wants a value for parameter ${name}`);
      return written;
    });
  const filled = mapTexts(template.document, fill) as TransformsDocument;
  if (problems.length > 0) throw new TransformError('bad-template', [...new Set(problems)]);
  const chains = filled.chains.map((chain) => ({ ...chain, id: `${template.name}.${chain.id}` }));
  return checked(TransformsDocument, { ...filled, chains });
}

/** Documents one after the other, as one; of chains with the same id the first counts. */
export function joinDocuments(documents: readonly TransformsDocument[]): TransformsDocument {
  const chains = new Map<string, Chain>();
  const variables = new Map<string, Variable>();
  for (const document of documents) {
    for (const chain of document.chains) if (!chains.has(chain.id)) chains.set(chain.id, chain);
    for (const variable of document.variables) {
      const key = `${variable.at} ${variable.name}`;
      if (!variables.has(key)) variables.set(key, variable);
    }
  }
  return { v: 1, chains: [...chains.values()], variables: [...variables.values()] };
}

function mapTexts(value: unknown, map: (text: string) => string): unknown {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, map));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, map)]));
}

/** The JSON schema of a document, for editors. */
export function transformsSchema(): unknown {
  return z.toJSONSchema(TransformsDocument, { io: 'input' });
}
