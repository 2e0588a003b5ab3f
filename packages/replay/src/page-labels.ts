// What a page calls the things that it names by numbers: the text of a link or an option, or of the row around it. Two pages that
// call a thing alike show the same thing, whatever its number is now. Pure, and tolerant: tags need not close.
import type { PageId } from './page-ids.ts';

const MAX_TAG_CHARS = 2_048;
const MAX_ROW_CHARS = 16_384;
const TAG = /<[^<>]*>/g;
/** Counts, dates and the numbers of things themselves are other ones now. */
const NUMBER = /(?<![A-Za-z\d])\d+(?![A-Za-z\d])/g;
const ROW_OPENS = ['<tr', '<li'] as const;

/** For each number what its thing is called; '' where the page does not say. `from`: by its own element, or by the row around. */
function labelOf(text: string, { at, value }: PageId, from: 'element' | 'row'): string {
  if (from === 'row') return plain(rowText(text, at));
  const own = ownText(text, at);
  // `Order 7` says no more than the number.
  return own.match(NUMBER)?.includes(value) ? '' : plain(own);
}

/** The text of the link or option in whose tag a number stands. */
function ownText(text: string, at: number): string {
  const from = text.lastIndexOf('<', at);
  const [, name] = /^<(a|option)\b/i.exec(text.slice(from, from + 8)) ?? [];
  const end = text.indexOf('>', at);
  if (name === undefined || end < 0 || end - at > MAX_TAG_CHARS) return '';
  const to = name.toLowerCase() === 'option' ? text.indexOf('<', end) : text.indexOf('</a', end);
  return to < 0 || to - end > MAX_ROW_CHARS ? '' : text.slice(end + 1, to).replaceAll(TAG, ' ');
}

/** The words of the innermost row of a table or element of a list. */
function rowText(text: string, at: number): string {
  const from = Math.max(...ROW_OPENS.map((open) => text.lastIndexOf(open, at)));
  if (from < 0 || at - from > MAX_ROW_CHARS) return '';
  const close = `</${text.slice(from + 1, from + 3)}`;
  const end = text.indexOf(close, from);
  return end < at || end - from > MAX_ROW_CHARS ? '' : text.slice(from, end);
}

function plain(markup: string): string {
  const words = markup.replaceAll(TAG, ' ').replaceAll(NUMBER, '#').replaceAll(/\s+/g, ' ').trim();
  return /\p{L}/u.test(words) ? words : '';
}

/** The numbers by the labels that each tell one of them. */
export function byLabel(
  text: string,
  ids: readonly PageId[],
  from: 'element' | 'row',
  renamed: (label: string) => string = (label) => label,
): ReadonlyMap<string, string> {
  const found = new Map<string, string | null>();
  for (const id of ids) {
    const label = renamed(labelOf(text, id, from));
    if (label === '') continue;
    const before = found.get(label);
    found.set(label, before === undefined || before === id.value ? id.value : null);
  }
  return new Map([...found].filter((one): one is [string, string] => one[1] !== null));
}
