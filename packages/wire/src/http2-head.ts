/**
 * Reads the head of an HTTP/2 message as the exchange wrote it (see hpack-head.ts): pseudo-headers apart from the
 * others, in order. It works on one complete head and knows nothing of frames, bodies or connections.
 */
import { type HeaderPair, parseTrailers } from './http-head.ts';

/** A head taken apart; `pseudo` by name without its colon (`method`, `path`, …), the last of each name. */
export interface ParsedHttp2Head {
  pseudo: Map<string, string>;
  headers: HeaderPair[];
}

const PSEUDO_FIELD = /:([a-z-]+): ([^\r\n]*)\r\n/y;

/** Takes a head's lines apart; null when they do not begin with a pseudo-header. */
export function parseHttp2Head(raw: Buffer): ParsedHttp2Head | null {
  const text = raw.toString('latin1');
  const pseudo = new Map<string, string>();
  let at = 0;
  PSEUDO_FIELD.lastIndex = 0;
  for (let field = PSEUDO_FIELD.exec(text); field; field = PSEUDO_FIELD.exec(text)) {
    pseudo.set(field[1]!, field[2]!);
    at = PSEUDO_FIELD.lastIndex;
  }
  return at === 0 ? null : { pseudo, headers: parseTrailers(raw.subarray(at)) };
}
