// Numbers by which an HTML page names things for its reader's next click: in the addresses of links and forms, in `data-`
// attributes, as options of a select. Many pages say of what was made no more than this. Pure, and tolerant: tags need not close.
import { leafPattern } from '@echoplane/traffic';
import { gluedNumber } from './glued-numbers.ts';
import { keyStep } from './tree.ts';

/** Where a number stands: in the path of an address, or under a name (a query parameter, an attribute, a field). */
export interface PageId {
  /** `body.link["/feed/{id}/entry/{id}"][2].entry`: which of the page's addresses of this form, and the word before the number. */
  path: string;
  word: string;
  isInPath: boolean;
  value: string;
  /** Where it begins in the page. */
  at: number;
}

const MARK =
  /<input\b([^<>]{1,2048})>|<select\b[^<>]*?\sname=["']([^"'<>]{1,100})["']|<(\/select)|\s(href|src|action|formaction|value|data-[\w-]{1,40}|hx-[\w-]{1,20})=(?:"([^"<>]{1,512})"|'([^'<>]{1,512})')/gi;
const MAX_PAGE_CHARS = 1 << 20;
const MAX_IDS = 1_000;
const NUMBER = /^[1-9]\d{0,8}$/;
const WORD = /^[A-Za-z][A-Za-z_-]{0,39}$/;
const ADDRESS = /^(?:\/(?!\/)|\?)/;
/** One that is read from the page's own: `issue5?tab=files`; only where an attribute holds nothing else. */
const RELATIVE = /^(?:\.{1,2}\/)*[A-Za-z][\w.~%-]*(?:[/?#]|$)/;
const LINKING = /^(?:href|src|action|formaction)$/;
/** A parameter of a query, `&amp;` before it or not. */
const PARAMETER = /[?&;]([A-Za-z][\w.[\]-]{0,39})=([^&;#]*)/g;

/** With scheme and host. */
const WHOLE = /^https?:\/\/([^/:?#]+)(?::\d+)?(?=\/)/;

/** The numbers of a page that may be ids, in the order in which they stand; `host`: the one that was asked, which may name itself. */
export function pageIds(text: string, host = ''): PageId[] {
  if (text.length > MAX_PAGE_CHARS) return [];
  const ids: PageId[] = [];
  const counts = new Map<string, number>();
  /** The number of the next thing that is called so. */
  const countOf = (name: string) => {
    const n = counts.get(name) ?? 0;
    counts.set(name, n + 1);
    return n;
  };
  let field = '';
  for (const mark of text.matchAll(MARK)) {
    if (ids.length >= MAX_IDS) break;
    const [whole, input, select, closing, attribute, quoted, single] = mark;
    if (input !== undefined) {
      const id = inInput(input, mark.index + '<input'.length, countOf);
      if (id) ids.push(id);
      continue;
    }
    if (select !== undefined || closing !== undefined) {
      field = select ?? '';
      continue;
    }
    const value = quoted ?? single!;
    const at = mark.index + whole.length - 1 - value.length;
    const name = attribute!.toLowerCase();
    if (isNeighbour(text, at)) continue;
    const [head = '', named] = WHOLE.exec(value) ?? [];
    if (named !== undefined && named === host.replace(/:\d+$/, ''))
      ids.push(...inAddress(value.slice(head.length), at + head.length, countOf));
    else if (ADDRESS.test(value) || (LINKING.test(name) && RELATIVE.test(value)))
      ids.push(...inAddress(value, at, countOf));
    else if (NUMBER.test(value)) {
      const word = name === 'value' ? field : name.startsWith('data-') ? name.slice('data-'.length) : '';
      if (word === '') continue;
      const kind = name === 'value' ? `option ${word}` : name;
      ids.push({ path: pathOf(kind, countOf(kind), word), word, isInPath: false, value, at });
    }
  }
  return ids;
}

/** A box that chooses the thing of its number, `<input type="checkbox" name="selected" value="5">`, or a hidden field with one. */
function inInput(attributes: string, from: number, countOf: (name: string) => number): PageId | null {
  const [, type] = /\stype=["']?(checkbox|radio|hidden)\b/i.exec(attributes) ?? [];
  const [, word] = /\sname=["']([^"'<>]{1,100})["']/i.exec(attributes) ?? [];
  const value = /\svalue=["']([1-9]\d{0,8})["']/i.exec(attributes);
  if (type === undefined || word === undefined || !value) return null;
  const at = from + value.index + value[0].length - 1 - value[1]!.length;
  const path =
    type.toLowerCase() === 'hidden'
      ? fieldPath(word, countOf(`hidden ${word}`))
      : pathOf(`check ${word}`, countOf(word), word);
  return { path, word, isInPath: false, value: value[1]!, at };
}

/** As the leaf of the page is called that the field is. */
function fieldPath(word: string, n: number): string {
  return `${FIELDS}${keyStep(n === 0 ? word : `${word}[${n}]`)}`;
}

const NEIGHBOUR = /\s(?:rel|class)=["'](?:[^"'<>]*\s)?(?:first|last|next|prev|previous)(?=[\s"'])/i;
const MAX_TAG_CHARS = 1_024;

/** Whether a place is in a tag that leads to what stands before or behind by its number, whichever thing that is now. */
export function isNeighbour(text: string, at: number): boolean {
  const from = text.lastIndexOf('<', at);
  if (from < 0 || at - from > MAX_TAG_CHARS) return false;
  const end = text.indexOf('>', from);
  return end > at && NEIGHBOUR.test(text.slice(from, Math.min(end, from + MAX_TAG_CHARS)));
}

/** The numbers of an address, each behind a word; a date's are not. */
function inAddress(address: string, at: number, countOf: (name: string) => number): PageId[] {
  if (!/\d/.test(address)) return [];
  const end = address.search(/[?#]/);
  const path = end < 0 ? address : address.slice(0, end);
  const found: Omit<PageId, 'path'>[] = [];
  const form: string[] = [];
  let word = '';
  let from = 0;
  for (const segment of path.split('/')) {
    const glued = gluedNumber(segment);
    if (NUMBER.test(segment)) {
      if (word !== '') found.push({ word, isInPath: true, value: segment, at: at + from });
      word = '';
      form.push('{id}');
    } else if (glued) {
      const { word: kind, number } = glued;
      const start = at + from + segment.length - number.length;
      found.push({ word: kind, isInPath: true, value: number, at: start });
      word = '';
      form.push(`${segment.slice(0, -number.length)}{id}`);
    } else {
      word = WORD.test(segment) ? segment : '';
      form.push(segment === '' || word !== '' ? segment : '~');
    }
    from += segment.length + 1;
  }
  const query = address.slice(path.length).replace(/#.*$/s, '');
  const names: string[] = [];
  for (const { 1: name, 2: value, index, 0: whole } of query.matchAll(PARAMETER)) {
    names.push(name!);
    const start = at + path.length + index + whole.length - value!.length;
    if (NUMBER.test(value!)) found.push({ word: name!, isInPath: false, value: value!, at: start });
  }
  if (found.length === 0) return [];
  const name = form.join('/') + (names.length > 0 ? `?${names.join('&')}` : '');
  const n = countOf(name);
  return found.map((id) => ({ ...id, path: pathOf(name, n, id.word) }));
}

function pathOf(name: string, n: number, word: string): string {
  return `body.link${keyStep(name)}[${n}]${keyStep(word)}`;
}

/** A number of a page that belongs to a flow. */
export interface LinkedId extends PageId {
  space: { flow: string };
  /** The form of its path. */
  pattern: string;
}

const LINKED = 'body.link';
/** Hidden fields are leaves of an answer as well. */
export const FIELDS = 'body.input';

/** Whether any of the links of an answer is to a number in a page; by pattern. */
export function hasPageLinks(links: ReadonlyMap<string, unknown>): boolean {
  for (const pattern of links.keys())
    if (pattern.startsWith(LINKED) || pattern.startsWith(FIELDS)) return true;
  return false;
}

/** The numbers of a page of which links tell the flow; `links`: by pattern. */
export function linkedIds(
  text: string,
  links: ReadonlyMap<string, readonly { inside: string; flow: string }[]>,
  host: string | undefined,
): LinkedId[] {
  if (!hasPageLinks(links)) return [];
  return pageIds(text, host).flatMap((id) => {
    const pattern = leafPattern(id.path);
    const link = links.get(pattern)?.find(({ inside }) => inside === '');
    return link ? [{ ...id, space: { flow: link.flow }, pattern }] : [];
  });
}
