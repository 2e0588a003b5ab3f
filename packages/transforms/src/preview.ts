// What a document would do to a recorded pair: for the dashboard and the command line, before anything is replayed.
import type { RRPair } from '@echoplane/traffic';
import { compileTransforms } from './compile.ts';
import type { TransformContext } from './context.ts';
import { CHAIN_POINTS, type ChainPoint, type TransformsDocument } from './document.ts';
import { messageOfPair } from './message-pair.ts';
import { runChains, startVariables, type TransformResult } from './run-chains.ts';

export type PreviewPart = TransformResult & { at: ChainPoint };

/**
 * The chains of a document on one pair: those of the generator for an IN pair, of the responder for an OUT pair, first on
 * the request and then on the response, as a replay would. Throws TransformError when the document cannot be used.
 */
export function preview(
  pair: RRPair,
  document: TransformsDocument,
  context: TransformContext,
): PreviewPart[] {
  const transforms = compileTransforms(document);
  const recorded = messageOfPair(pair);
  if (!recorded) return [];
  startVariables(transforms, context);
  const points = CHAIN_POINTS.filter((at) =>
    at.startsWith(pair.direction === 'IN' ? 'generator' : 'responder'),
  );
  const parts: PreviewPart[] = [];
  let message = { ...recorded, recorded };
  for (const at of points) {
    if (at.endsWith('-response') && !recorded.response) continue;
    const result = runChains(transforms, at, message, context);
    message = { ...result.message, recorded };
    parts.push({ at, ...result });
  }
  return parts;
}
