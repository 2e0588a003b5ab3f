// Objects in requests that are keyed by ids, `{"rights": {"x7Kq2mZw9P": "write"}}`: where a key is the id of a thing, the live one
// is sent. Only words that hardly stand for something else. Pure.
import { bodyText, type Test } from '@echoplane/traffic';

/** Shorter names, and numbers, are keys of something else by chance. */
const MIN_CHARS = 8;
const MAX_KEYS = 200;
const KEY = /"([\w-]{8,100})"(\s*:)/g;

const known = new WeakMap<Test, readonly string[]>();

/** Whether a key may be the id of a thing. */
export function mayBeId(key: string): boolean {
  return key.length >= MIN_CHARS && /[A-Za-z]/.test(key) && /\d|[a-z][A-Z]|[A-Z]{2}[a-z]/.test(key);
}

/** The keys in the JSON of a request that may be ids. */
export function keysOf(test: Test): readonly string[] {
  const before = known.get(test);
  if (before) return before;
  const text = test.request.body.base64 === undefined ? (bodyText(test.request.body) ?? '') : '';
  const isJson = /^\s*[{[]/.test(text);
  const keys = isJson ? [...text.matchAll(KEY)].map(([, key]) => key!).filter(mayBeId) : [];
  const found = [...new Set(keys)].slice(0, MAX_KEYS);
  known.set(test, found);
  return found;
}

/** A text of JSON with other keys. */
export function withKeys(text: string, keys: ReadonlyMap<string, string>): string {
  return text.replaceAll(KEY, (whole, key: string, colon: string) => {
    const live = keys.get(key);
    return live === undefined ? whole : `${JSON.stringify(live)}${colon}`;
  });
}
