// Texts that hold generated pieces, learned of places: most random words show that they are random, the few that do not
// stand at a place where the others do. Gives the shape of such places, and the words found in them, so that correlation
// follows every one. Pure.
import { kindOf, shapeOf, shapePattern } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

/** Fewer samples prove nothing. */
const MIN_SAMPLES = 5;
/** Share of the samples of a place that must have one shape. */
const MIN_SHARE = 0.6;
const MAX_SHAPES = 8;
const MAX_OTHERS = 200;
const MAX_TEXT_CHARS = 512;
const MAX_SENT = 20_000;
const MAX_SENT_CHARS = 256;
/** Samples after which a place that showed nothing generated is not looked at any more. */
const ENOUGH = 50;

interface PlaceTexts {
  samples: number;
  shapes: Map<string, { count: number; example: string }>;
  /** Texts that hold no random word. */
  others: Set<string>;
  isDull: boolean;
  /** Whether a client had sent one of the texts: then it comes again as it was. */
  isClients: boolean;
}

export interface Shapes {
  /** Places that hold generated pieces, by operation. */
  volatile: Map<string, VolatileLeaf[]>;
  /** Random words that do not look random. */
  vocabulary: ReadonlySet<string>;
}

/** Fewer codes may hold letters and digits in the same places by chance. */
const MIN_CODES = 8;
const CODE = /^(?:[a-z0-9]{8,11}|[A-Z0-9]{8,11})$/;
/** Share of the places that hold a letter in some codes and a digit in others. */
const MIXED_SHARE = 0.75;

/** `snt7crhp`, `0k2vha9w`: of one length, with digits and letters wherever chance puts them. */
function areCodes(texts: ReadonlySet<string>): boolean {
  const codes = [...texts];
  const [first = ''] = codes;
  if (codes.length < MIN_CODES) return false;
  if (!codes.every((code) => code.length === first.length && CODE.test(code))) return false;
  const mixed = [...first].filter(
    (_, i) => codes.some((code) => /\d/.test(code[i]!)) && codes.some((code) => /\D/.test(code[i]!)),
  );
  return mixed.length >= MIXED_SHARE * first.length;
}

export class ShapeLearner {
  readonly #texts = new Map<Place, PlaceTexts>();
  /** The latest texts that clients sent. */
  readonly #sent = new Set<string>();

  /** A text in a request. */
  sent(text: string): void {
    if (text.length < 8 || text.length > MAX_SENT_CHARS || this.#sent.has(text)) return;
    if (this.#sent.size >= MAX_SENT) this.#sent.delete(this.#sent.keys().next().value!);
    this.#sent.add(text);
  }

  /** A text in an answer. */
  observe(place: Place, text: string): void {
    if (text.length < 8 || text.length > MAX_TEXT_CHARS) return;
    let texts = this.#texts.get(place);
    if (!texts) {
      texts = { samples: 0, shapes: new Map(), others: new Set(), isDull: false, isClients: false };
      this.#texts.set(place, texts);
    }
    texts.samples++;
    if (texts.isDull) return;
    texts.isClients ||= this.#sent.has(text);
    const shape = shapeOf(text);
    const known = texts.shapes.get(shape);
    if (known) known.count++;
    else if (/\{(?:token|hex)\}/.test(shape)) {
      if (texts.shapes.size < MAX_SHAPES) texts.shapes.set(shape, { count: 1, example: text });
    } else if (texts.others.size < MAX_OTHERS) texts.others.add(text);
    if (texts.samples === ENOUGH && texts.shapes.size === 0) {
      texts.isDull = true;
      texts.others.clear();
    }
  }

  finish(): Shapes {
    const volatile = new Map<string, VolatileLeaf[]>();
    const vocabulary = new Set<string>();
    for (const [place, { samples, shapes, others, isClients }] of this.#texts) {
      if (shapes.size === 0 && !isClients && areCodes(others)) {
        const why = `is a random code in each of ${others.size} answers`;
        const code = { path: place.path, kind: 'token', shape: '{token}', why } as const;
        volatile.set(place.operation.key, [...(volatile.get(place.operation.key) ?? []), code]);
        continue;
      }
      const [best] = [...shapes].sort((a, b) => b[1].count - a[1].count);
      if (!best || isClients || samples < MIN_SAMPLES || best[1].count < MIN_SHARE * samples) continue;
      const [shape, { example }] = best;
      const list = volatile.get(place.operation.key) ?? [];
      const why = `is generated in most of ${samples} answers`;
      list.push({ path: place.path, kind: kindOf(example)!, shape, why });
      volatile.set(place.operation.key, list);
      const pattern = shapePattern(shape);
      for (const text of others) for (const word of pattern.exec(text)?.slice(1) ?? []) vocabulary.add(word);
    }
    return { volatile, vocabulary };
  }
}
