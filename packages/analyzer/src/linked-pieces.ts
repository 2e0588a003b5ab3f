// The identifying pieces of a link inside a longer text: `17` of `/orders/17`, `abc` of `?cursor=abc`. Named by the piece
// before them, as a path segment is. Pure.
import {
  atomsOfText,
  FIELDS,
  gluedNumber,
  leavesInside,
  NUMBER_STEP,
  type PageId,
  pageIds,
  splitInside,
} from '@echoplane/replay';
import { isParameter, leafPattern } from '@echoplane/traffic';
import { type Naming, namingOf } from './names.ts';
import { isRare } from './rare-texts.ts';

export interface LinkedPiece {
  path: string;
  value: string;
  naming: Naming;
}

const LINK = /^(?:<?https?:\/\/|\/)[^\s"']+/;

/** `name=value` in the query of a link inside a page or a script. */
const QUERY = /[?&;]([\w.-]{2,64})=([\w.~-]{6,200})/g;
const MAX_PAGE_CHARS = 256 << 10;
const MAX_MESSAGE_CHARS = 16 << 10;

/** A comparison, a call, a list: texts in which other things are named. */
const QUERY_TEXT = /[=:<>()]|,/;
const MAX_QUERY_CHARS = 512;
/** The path of a box; and so many numbers may stand between it and the link to its thing. */
export const CHOSEN = 'body.link["check ';
const MAX_BESIDE = 4;
const NAMELESS: Naming = { role: 'other', entity: '', isOwn: false };

/** The pieces of a text at `path` that links in it name things by; `host`: the one that was asked. */
export function linkedPieces(path: string, text: string, host?: string): LinkedPiece[] {
  if (path.startsWith('path[') || text.length > MAX_PAGE_CHARS) return [];
  if (!mayBeLink(text) || !LINK.test(text))
    return text.includes('<') ? inPage(path, text, host) : codesIn(path, text);
  const pieces = atomsOfText(text);
  const isAnswer = path === 'header.location' || path === 'header.content-location';
  const found: LinkedPiece[] = [];
  const mark = text.indexOf('?');
  const inPath = mark < 0 ? pieces.length : atomsOfText(text.slice(0, mark)).length;
  for (let i = text.startsWith('/') ? 0 : 1; i < pieces.length; i++) {
    const [before = '', value] = [pieces[i - 1], pieces[i]!];
    // A port is no order.
    if (i === 2 && /^https?$/.test(pieces[0]!) && /^\d+$/.test(value)) continue;
    // The first two of an absolute one are its scheme and its host.
    const glued = i < inPath && (i > 1 || text.startsWith('/')) ? gluedPiece(`${path}#${i}`, value) : null;
    if (glued) {
      found.push({ ...glued, naming: { ...glued.naming, isOwn: isAnswer } });
      continue;
    }
    const query = namingOf(`query.${before}`, '');
    // `tab_id=zO6FgEN3Vmg`: whoever follows the link sends it back under the same name.
    if (before !== '' && query.role !== 'other')
      found.push({ path: `${path}#${i}`, value, naming: { ...query, isOwn: true } });
    else if (i >= 1 && ((i < inPath && isParameter(value)) || (isAnswer && i === pieces.length - 1)))
      found.push({
        path: `${path}#${i}`,
        value,
        naming: { ...namingOf('path[1]', `/${before}/{id}`), isOwn: isAnswer },
      });
  }
  return found;
}

/** The number of a piece at `path` that is glued to its word. */
function gluedPiece(path: string, piece: string): LinkedPiece | null {
  const glued = gluedNumber(piece);
  if (!glued) return null;
  const naming = namingOf('path[1]', `/${glued.word}/{id}`);
  return { path: path + NUMBER_STEP, value: glued.number, naming };
}

/** `http…`, `<http…`, `/…` */
function mayBeLink(text: string): boolean {
  const first = text.charCodeAt(0);
  return first === 0x68 || first === 0x3c || first === 0x2f;
}

/** The pieces of a client's text that may name things: of links, and words in a query language, `owner = "x7k2m9"`. */
export function namedPieces(path: string, text: string): LinkedPiece[] {
  const glued = path.startsWith('path[') ? gluedPiece(path, text) : null;
  if (glued) return [glued];
  const links = linkedPieces(path, text);
  if (links.length > 0 || text.length > MAX_QUERY_CHARS) return links;
  if (!QUERY_TEXT.test(text) && !LINK.test(text)) return links;
  return atomsOfText(text).flatMap((value, i) =>
    value.length < text.length && isRare(value) ? [{ path: `${path}#${i}`, value, naming: NAMELESS }] : [],
  );
}

/** Operators of query languages in JSON, `{"id": {"$in": […]}}`: what they hold is named by the field before them. */
const OPERATOR = /\.\$\w+/g;

/** The values inside of a client's text that is JSON, named as those of a body are; null for another text. */
export function jsonPieces(path: string, text: string, endpoint: string): LinkedPiece[] | null {
  const leaves = leavesInside(path, text);
  if (leaves.length === 0) return null;
  return leaves.flatMap((leaf) => {
    if (typeof leaf.value !== 'string' && typeof leaf.value !== 'number') return [];
    const field = leafPattern(splitInside(leaf.path)!.inside).slice('!json'.length);
    const naming = namingOf(`body${field.replaceAll(OPERATOR, '')}`, endpoint);
    return [{ path: leaf.path, value: String(leaf.value), naming }];
  });
}

/** Digits, or letters in capitals among them, as people type them off. */
const CODE = /^(?=\D*\d)[A-Z\d]{6,10}$/;
const MAY_HOLD_CODE = /(?<![A-Za-z\d])[A-Z\d]{6,10}(?![A-Za-z\d])/;
const MAX_CODES = 16;

/** The codes that a message tells its reader, `your code is 292108`, who types them off. */
function codesIn(path: string, text: string): LinkedPiece[] {
  if (text.length > MAX_MESSAGE_CHARS || !/\d/.test(text) || !/\s/.test(text)) return [];
  if (!MAY_HOLD_CODE.test(text)) return [];
  const codes = atomsOfText(text).flatMap((value, i) =>
    CODE.test(value) ? [{ path: `${path}#${i}`, value, naming: NAMELESS }] : [],
  );
  return codes.slice(0, MAX_CODES);
}

/** What the links of a page carry under an identifying name, and the numbers of things in its addresses. */
function inPage(path: string, text: string, host: string | undefined): LinkedPiece[] {
  const found = new Map<string, LinkedPiece>();
  if (path === 'body')
    for (const id of withChosen(pageIds(text, host).filter((one) => !one.path.startsWith(FIELDS)))) {
      const { naming } = id;
      if (naming.role === 'id' || naming.entity !== '')
        found.set(id.path, { path: id.path, value: id.value, naming });
    }
  if (!text.includes('?')) return [...found.values(), ...codesIn(path, text)];
  let pieces: string[] | null = null;
  for (const [, name, value] of text.matchAll(QUERY) as Iterable<[string, string, string]>) {
    if (found.has(`${name}=${value}`) || !isRare(value)) continue;
    const naming = namingOf(`query.${name}`, '');
    if (naming.role === 'other') continue;
    pieces ??= atomsOfText(text);
    const at = pieces.findIndex((piece, i) => piece === value && pieces![i - 1] === name);
    if (at > 0)
      found.set(`${name}=${value}`, { path: `${path}#${at}`, value, naming: { ...naming, isOwn: true } });
  }
  return [...found.values()];
}

type NamedId = PageId & { naming: Naming };

/** What the numbers of a page name; a box before a thing's own link chooses that thing. */
function withChosen(ids: readonly PageId[]): NamedId[] {
  const named = ids.map((id) => ({ ...id, naming: namingOfId(id) }));
  const chosen = new Map<string, Naming | null>();
  for (const [i, { path, word, value }] of named.entries()) {
    if (!path.startsWith(CHOSEN)) continue;
    const thing = named.slice(i + 1, i + 1 + MAX_BESIDE).find((one) => one.value === value)?.naming;
    const known = chosen.get(word);
    const isSame = known === undefined || known?.entity === thing?.entity;
    chosen.set(word, isSame && thing?.role === 'id' && thing.entity !== '' ? thing : null);
  }
  return named.map((id) =>
    id.path.startsWith(CHOSEN) ? { ...id, naming: chosen.get(id.word) ?? NAMELESS } : id,
  );
}

/** A page that lists things shows their own addresses. */
function namingOfId({ word, isInPath, path }: PageId): Naming {
  if (isInPath) return own(namingOf('path[1]', `/${word}/{id}`));
  // `/label/edit/?id=4`: which thing, its path says.
  const [, address = ''] = /^body\.link\["([^"?]*)\?/.exec(path) ?? [];
  return own(namingOf(`query.${word}`, address));
}

function own(naming: Naming): Naming {
  return naming.role === 'id' ? { ...naming, isOwn: naming.entity !== '' } : naming;
}
