// Recommendations that a user applied: their chains become transforms.json, what they say of comparison joins the edits.
import {
  acceptedDocuments,
  joinDocuments,
  parseTransforms,
  type Recommendations,
  type TransformsDocument,
} from '@echoplane/transforms';
import type { SnapshotEdits } from './edits.ts';

/** transforms.json: the user's own documents first, then those of applied recommendations. Throws TransformError. */
export function appliedTransforms(
  recommendations: Recommendations,
  edits: SnapshotEdits,
): TransformsDocument {
  const own = (edits.transforms ?? []).map(parseTransforms);
  return joinDocuments([...own, ...acceptedDocuments(recommendations, appliedIds(edits))]);
}

/** The edits, and beside them what applied recommendations say of comparison. */
export function withAppliedComparison(recommendations: Recommendations, edits: SnapshotEdits): SnapshotEdits {
  const ids = new Set(appliedIds(edits));
  const compared = recommendations.recommendations.flatMap(({ id, compare }) =>
    compare && ids.has(id) ? [compare] : [],
  );
  if (compared.length === 0) return edits;
  const volatile = compared.flatMap((compare) => compare.volatile);
  const unordered = compared.flatMap((compare) => compare.unordered);
  return {
    ...edits,
    volatile: { ...edits.volatile, add: [...(edits.volatile?.add ?? []), ...volatile] },
    unordered: { ...edits.unordered, add: [...(edits.unordered?.add ?? []), ...unordered] },
  };
}

/** Whether tokens that the recording did not hand out are signed again in a replay. */
export function signsTokens({ recommendations }: Recommendations, edits: SnapshotEdits): boolean {
  const ids = new Set(appliedIds(edits));
  return recommendations.some(({ id, kind }) => kind === 'jwt-resign' && ids.has(id));
}

function appliedIds(edits: SnapshotEdits): string[] {
  return Object.entries(edits.recommendations ?? {}).flatMap(([id, decided]) =>
    decided === 'applied' ? [id] : [],
  );
}
