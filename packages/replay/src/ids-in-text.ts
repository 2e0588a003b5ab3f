// Ids of things inside of a text that no link of its place tells: an address in a list of rights. Only words that hardly stand for
// something else, that one kind of thing knows, and that do not look generated: those are followed as tokens. Pure.
import { atomsOfText, withAtom } from './atoms-of-text.ts';
import { mayBeId } from './keyed-values.ts';
import { kindOf } from './kinds.ts';

/** Longer texts are no addresses. */
const MAX_CHARS = 512;

/** `lantern-timber-eskrwk`: a name of several words stands for nothing else either. */
const SLUG = /^(?=.{8})[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)+$/;

/** A recorded text with its ids as they are now; `values` knows the live counterparts. */
export function withLiveIds(text: string, values: { inFlows(value: string): string[] }): string {
  if (text.length > MAX_CHARS) return text;
  return atomsOfText(text).reduce((written, piece, n) => {
    const isName = mayBeId(piece) || SLUG.test(piece);
    const live = isName && kindOf(piece) === null ? new Set(values.inFlows(piece)) : null;
    return live?.size === 1 ? withAtom(written, n, [...live][0]!) : written;
  }, text);
}
