// recommendations.json: what the analyzer suggests, each with its evidence and what applies it. A public contract: fields
// are only added. Applying one means that edits.json holds its id; its chains are then in transforms.json.
import { ValueKind } from '@echoplane/traffic';
import { z } from 'zod';
import { TransformsDocument } from './document.ts';

export const RECOMMENDATION_KINDS = [
  'jwt-resign',
  'jwks-swap',
  'oauth',
  'basic-auth',
  'api-key',
  'aws-sign',
  'csrf',
  'shift-time',
  'request-id',
  'redacted-credential',
  'unordered-array',
  'volatile-field',
] as const;
export const RecommendationKind = z.enum(RECOMMENDATION_KINDS);
export type RecommendationKind = z.infer<typeof RecommendationKind>;

const ComparedPlace = z.strictObject({
  method: z.string(),
  endpoint: z.string(),
  path: z.string().describe('A leaf pattern of the response.'),
});

export const Recommendation = z.strictObject({
  id: z.string().describe('Stays the same when the recording is analyzed again.'),
  kind: RecommendationKind,
  title: z.string().describe('What to do, in a sentence.'),
  why: z.string().describe('The evidence, with counts.'),
  /** Requests it was seen in. */
  count: z.int().nonnegative(),
  endpoints: z
    .array(
      z.strictObject({
        direction: z.enum(['IN', 'OUT']),
        host: z.string(),
        method: z.string(),
        endpoint: z.string(),
        count: z.int(),
      }),
    )
    .describe('Where it was seen, the most frequent first.'),
  needs: z
    .array(
      z.strictObject({
        kind: z.enum(['secret', 'data']),
        name: z.string().describe('`name/key` of a secret, or the name of a data set.'),
        what: z.string().describe('What it must hold.'),
      }),
    )
    .describe('What must be there before it is applied.'),
  /** Null: nothing to apply by transforms. */
  document: TransformsDocument.nullable().describe('The chains that apply it.'),
  compare: z
    .strictObject({
      volatile: z
        .array(ComparedPlace.extend({ kind: ValueKind }))
        .default([])
        .describe('Leaves that are compared by kind from now on.'),
      unordered: z.array(ComparedPlace).default([]).describe('Arrays whose order means nothing.'),
    })
    .optional()
    .describe('What applies it to the comparison of responses.'),
});
export type Recommendation = z.output<typeof Recommendation>;

export const Recommendations = z.strictObject({
  v: z.literal(1),
  recommendations: z.array(Recommendation),
});
export type Recommendations = z.output<typeof Recommendations>;

/** The chains of the accepted recommendations, as one document. */
export function acceptedDocuments(
  { recommendations }: Recommendations,
  accepted: readonly string[],
): TransformsDocument[] {
  const ids = new Set(accepted);
  return recommendations.flatMap(({ id, document }) => (document !== null && ids.has(id) ? [document] : []));
}
