// Texts that hold generated pieces, learned per endpoint and leaf over all sessions: most random words show that they are
// random, the few that do not stand at a leaf where the others do. Gives the shape of such leaves, and the words found in
// them, so that correlation follows every one. Pure.
import {
  type HttpResponse,
  kindOf,
  leafPattern,
  type RRPair,
  responseLeaves,
  shapeOf,
  shapePattern,
  type VolatileLeaf,
} from '@echoplane/traffic';

/** Fewer samples prove nothing. */
const MIN_SAMPLES = 5;
/** Share of the samples of a leaf that must have one shape. */
const MIN_SHARE = 0.6;

export interface Shapes {
  /** Leaves that hold generated pieces, by endpoint. */
  volatile: ReadonlyMap<string, VolatileLeaf[]>;
  /** Random words that do not look random. */
  vocabulary: ReadonlySet<string>;
}

/** Learns the shapes of the responses of `pairs`; `endpointKey` names the endpoint of a pair. */
export function learnShapes(pairs: readonly RRPair[], endpointKey: (pair: RRPair) => string): Shapes {
  const volatile = new Map<string, VolatileLeaf[]>();
  const vocabulary = new Set<string>();
  for (const [endpoint, group] of Map.groupBy(pairs, endpointKey)) {
    for (const [path, texts] of textsByPattern(group)) {
      const shape = commonShape(texts);
      if (shape === null) continue;
      const kind = kindOf(texts.find((text) => shapeOf(text) === shape)!)!;
      const list = volatile.get(endpoint) ?? [];
      list.push({ path, kind, shape, why: `is generated in most of ${texts.length} answers` });
      volatile.set(endpoint, list);
      for (const word of hiddenWords(texts, shape)) vocabulary.add(word);
    }
  }
  return { volatile, vocabulary };
}

function textsByPattern(pairs: readonly RRPair[]): Map<string, string[]> {
  const texts = new Map<string, string[]>();
  for (const response of pairs.flatMap((pair): HttpResponse[] => (pair.response ? [pair.response] : []))) {
    for (const { path, value } of responseLeaves(response)) {
      if (typeof value !== 'string') continue;
      const pattern = leafPattern(path);
      const list = texts.get(pattern) ?? [];
      list.push(value);
      texts.set(pattern, list);
    }
  }
  return texts;
}

/** The shape that most of the texts have, if it holds a random word and the texts are many enough. */
function commonShape(texts: readonly string[]): string | null {
  if (texts.length < MIN_SAMPLES) return null;
  const counts = new Map<string, number>();
  for (const text of texts) {
    const shape = shapeOf(text);
    counts.set(shape, (counts.get(shape) ?? 0) + 1);
  }
  const [shape, count] = [...counts].sort((a, b) => b[1] - a[1])[0]!;
  return /\{(token|hex)\}/.test(shape) && count >= MIN_SHARE * texts.length ? shape : null;
}

/** The pieces, in texts of another shape, that stand where the common shape has a random word. */
function hiddenWords(texts: readonly string[], shape: string): string[] {
  const pattern = shapePattern(shape);
  return texts.flatMap((text) => (shapeOf(text) === shape ? [] : (pattern.exec(text)?.slice(1) ?? [])));
}
