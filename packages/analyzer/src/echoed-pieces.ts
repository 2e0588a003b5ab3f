// Ids inside the texts of answers: `file:///artifacts/7` beside `experiment_id: "7"`, a file's name in Content-Disposition that
// the path asked for. A piece of a text that in every sample equals what stands at one other place of the same exchange belongs
// to the flow of that place. Learned while pairs pass, settled once the flows are known. Pure.
import { atomsOfText, readTime } from '@echoplane/replay';
import type { Flow, FlowLink } from '@echoplane/traffic';
import type { FlowValue } from './place-stats.ts';
import type { Place } from './places.ts';

const MAX_TEXTS = 4_000;
const MAX_CHARS = 512;
const MAX_PIECES = 24;
const MAX_VALUES = 8;
const MAX_REMEMBERED = 20_000;

/** A text of an answer that has more than one piece. */
export interface PiecedText {
  place: Place;
  path: string;
  pieces: readonly string[];
  text: string;
}

/** The pieces of a text in which ids may stand; null for a text that is a time, a page or one word. */
export function piecesIn(text: string): readonly string[] | null {
  if (text.length > MAX_CHARS || readTime(text)) return null;
  const pieces = atomsOfText(text);
  return pieces.length > 1 && pieces.length <= MAX_PIECES ? pieces : null;
}

interface PieceStats {
  n: number;
  values: Set<string>;
  /** Where every sample had the same value. */
  echoes: Set<Place>;
}

interface TextStats {
  samples: number;
  /** Empty once no piece is an echo any more. */
  pieces: PieceStats[];
}

interface Echo extends PieceStats {
  place: Place;
  samples: number;
  flow: string;
}

export interface EchoLinks {
  /** By operation. */
  links: Map<string, FlowLink[]>;
  /** By flow. */
  places: Map<string, Flow['places']>;
}

export class EchoedPieces {
  readonly #texts = new Map<Place, TextStats>();
  readonly #shown = new Set<string>();
  readonly #clients = new Set<string>();

  /** A text of a request: what a client says first is its own, and is sent as it was. */
  sent(text: string): void {
    if (this.#clients.size < MAX_REMEMBERED && !this.#shown.has(text) && piecesIn(text))
      this.#clients.add(text);
  }

  /** Whether no text at a place is an echo any more: its pieces are of no use. */
  isSettled(place: Place): boolean {
    return this.#texts.get(place)?.pieces.length === 0;
  }

  /** The texts of an answer, and what stands at identifying places of the exchange. */
  observe(texts: readonly PiecedText[], asked: readonly FlowValue[], answered: readonly FlowValue[]): void {
    if (texts.length === 0) return;
    const values = new Map<string, FlowValue[]>();
    for (const one of [...asked, ...answered]) {
      const known = values.get(one.value);
      if (known) known.push(one);
      else values.set(one.value, [one]);
    }
    for (const text of texts) this.#text(text, values);
  }

  #text({ place, path, pieces, text }: PiecedText, values: ReadonlyMap<string, FlowValue[]>): void {
    const known = this.#texts.get(place);
    if (known?.pieces.length === 0) return;
    if (this.#clients.has(text)) {
      this.#texts.set(place, { samples: 0, pieces: [] });
      return;
    }
    if (this.#shown.size < MAX_REMEMBERED) this.#shown.add(text);
    const echoesOf = (value: string | undefined) =>
      (values.get(value ?? '') ?? []).filter((one) => one.place !== place && isBeside(path, one));
    if (!known) {
      if (this.#texts.size >= MAX_TEXTS) return;
      const found = pieces.map((value, n) => ({
        n,
        values: new Set([value]),
        echoes: new Set(echoesOf(value).map((one) => one.place)),
      }));
      this.#texts.set(place, { samples: 1, pieces: found.filter(({ echoes }) => echoes.size > 0) });
      return;
    }
    known.samples++;
    known.pieces = known.pieces.filter((piece) => {
      const value = pieces[piece.n];
      const here = new Set(echoesOf(value).map((one) => one.place));
      for (const echo of piece.echoes) if (!here.has(echo)) piece.echoes.delete(echo);
      if (piece.values.size < MAX_VALUES && value !== undefined) piece.values.add(value);
      return piece.echoes.size > 0;
    });
  }

  /** The pieces that belong to flows, `flowOf` their places. One value is none: it takes two, in texts of one name. */
  finish(flowOf: (place: Place) => string | undefined): EchoLinks {
    const made: EchoLinks = { links: new Map(), places: new Map() };
    for (const alike of Map.groupBy(this.#echoes(flowOf), nameOf).values()) {
      const enough = new Set(alike.flatMap(({ values }) => [...values])).size > 1;
      for (const echo of alike) if (enough) add(made, echo);
    }
    return made;
  }

  *#echoes(flowOf: (place: Place) => string | undefined): Generator<Echo> {
    for (const [place, { samples, pieces }] of this.#texts) {
      if (flowOf(place) !== undefined) continue;
      for (const piece of pieces) {
        const flows = new Set([...piece.echoes].flatMap((echo) => flowOf(echo) ?? []));
        const [flow] = flows;
        if (flow !== undefined && flows.size === 1) yield { ...piece, place, samples, flow };
      }
    }
  }
}

/** In the same element of every array that holds both. */
function isBeside(path: string, { at }: FlowValue): boolean {
  return path.startsWith(at.slice(0, at.lastIndexOf(']') + 1)) || at.startsWith('path[');
}

/** `artifact_uri#2` of one flow. */
function nameOf({ place, n, flow }: Echo): string {
  return `${/[^.[\]"]*$/.exec(place.path)![0]}#${n} ${flow}`;
}

function add({ links, places }: EchoLinks, { place, n, flow, samples }: Echo): void {
  const { key, method, endpoint } = place.operation;
  const path = `${place.path}#${n}`;
  links.set(key, [...(links.get(key) ?? []), { in: 'response', path, flow }]);
  const shown = { method, endpoint, in: 'response', path, role: 'echo', count: samples } as const;
  places.set(flow, [...(places.get(flow) ?? []), shown]);
}
