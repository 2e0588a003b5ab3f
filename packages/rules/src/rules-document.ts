// The rules of a data plane as one document: what is kept, what is folded, what is redacted. The same JSON is a file
// beside the forwarder, a resource of the control plane and the config event of the agent stream; `version` names it in
// every record and manifest made under it. Shapes only: what the rules do is compiled elsewhere.
import { z } from 'zod';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'wants lower-case letters, digits, _ and -, at most 63');
/** An expression of the filter language. */
const expression = z.string().min(1).max(4_096);

/**
 * The first rule whose `when` holds decides: `keep`, `drop`, or `sample` the given share of sessions. A pair that no rule
 * meets is kept. With `dryRun` a rule is counted (`would …`) and passed over.
 */
export const FilterRule = z.strictObject({
  name,
  when: expression,
  action: z.enum(['keep', 'drop', 'sample']),
  /** Of `sample`: share of sessions that are kept, 0 to 1. */
  share: z.number().min(0).max(1).optional(),
  dryRun: z.boolean().optional(),
});
export type FilterRule = z.infer<typeof FilterRule>;

export const FilterRules = z.strictObject({
  /** Whether the built-in rules (probes, metrics scrapes, known monitoring agents) come after these. */
  standard: z.boolean().default(true),
  /** Count what the standard rules would drop, and keep it. */
  standardDryRun: z.boolean().default(false),
  rules: z.array(FilterRule).max(200).default([]),
});
export type FilterRules = z.infer<typeof FilterRules>;

/** Per endpoint, status and body shape the first payloads of a minute are shipped, and every unusual one; the rest is counted. */
export const FoldRules = z.strictObject({
  enabled: z.boolean().default(false),
  payloadsPerMinute: z.int().min(1).max(10_000).default(10),
  /** A pair slower than this many times the median of its endpoint is unusual. */
  slowFactor: z.number().min(1.5).max(100).default(3),
  /** Pairs that hold for this are never folded. */
  never: expression.optional(),
});
export type FoldRules = z.infer<typeof FoldRules>;

/** Kinds of sensitive values; a redaction names one, a token shows it. */
export const SECRET_KINDS = [
  'credential',
  'password',
  'private-key',
  'secret',
  'jwt',
  'email',
  'card',
  'iban',
  'phone',
  'national-id',
  'pattern',
] as const;
export const SecretKind = z.enum(SECRET_KINDS);
export type SecretKind = z.infer<typeof SecretKind>;

const direction = z.enum(['request', 'response']);
/** Where a chain finds its value. `path` is a JSON path of keys: `user.name`, `items[].card`, `*` for any key. */
export const Extract = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('header'), of: direction, name: z.string().min(1) }),
  z.strictObject({ type: z.literal('cookie'), of: direction, name: z.string().min(1) }),
  z.strictObject({ type: z.literal('query'), name: z.string().min(1) }),
  z.strictObject({ type: z.literal('path-segment'), index: z.int().min(0).max(100) }),
  z.strictObject({ type: z.literal('json'), of: direction, path: z.string().min(1).max(500) }),
  z.strictObject({ type: z.literal('form'), name: z.string().min(1) }),
  z.strictObject({ type: z.literal('body'), of: direction }),
]);
export type Extract = z.infer<typeof Extract>;

/**
 * A redaction chain: for pairs that hold for `when`, the value found by `extract`, behind the codings of `through`, is
 * replaced by its token, masked with `*` of the same length, removed, or kept as it is whatever the detectors say.
 */
export const RedactionChain = z.strictObject({
  name,
  when: expression.optional(),
  extract: Extract,
  through: z
    .array(z.enum(['base64', 'base64url', 'url', 'gzip', 'jwt-claims', 'json-string']))
    .max(5)
    .default([]),
  action: z.enum(['token', 'mask', 'remove', 'keep']),
});
export type RedactionChain = z.infer<typeof RedactionChain>;

export const RedactionPattern = z.strictObject({
  name,
  /** RE2 syntax: no look-around, no back-references, linear time. */
  pattern: z.string().min(1).max(1_000),
});

export const RedactionRules = z.strictObject({
  /** Off, everything leaves as it was sent, opaque and undecodable bodies included. */
  enabled: z.boolean().default(true),
  /** Names of fields, headers, cookies and parameters that hold credentials, beside the built-in ones. Compared without case, `-` and `_`. */
  keys: z.array(z.string().min(1).max(200)).max(1_000).default([]),
  /** Names that are no credentials although the built-in list says so. */
  keysExcept: z.array(z.string().min(1).max(200)).max(1_000).default([]),
  /** Value detectors that are switched off. */
  detectorsOff: z.array(SecretKind).default([]),
  patterns: z.array(RedactionPattern).max(100).default([]),
  chains: z.array(RedactionChain).max(200).default([]),
  /** Tokens of secrets have the length of what they stand for, where that is at least 8 characters. */
  keepLength: z.boolean().default(false),
});
export type RedactionRules = z.infer<typeof RedactionRules>;

export const RulesDocument = z.strictObject({
  v: z.literal(1),
  version: z.string().regex(/^[\w.:-]{1,64}$/),
  filter: FilterRules.default(() => FilterRules.parse({})),
  fold: FoldRules.default(() => FoldRules.parse({})),
  redaction: RedactionRules.default(() => RedactionRules.parse({})),
});
export type RulesDocument = z.infer<typeof RulesDocument>;

/** What holds when nobody wrote rules: standard filter, no folding, redaction on. */
export function defaultRules(): RulesDocument {
  return RulesDocument.parse({ v: 1, version: 'default-1' });
}
