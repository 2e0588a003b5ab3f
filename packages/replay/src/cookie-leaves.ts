// The cookies that a response sets, and what it says of them: `cookie.sid`, `cookie.sid;path`. Pure.
// https://www.rfc-editor.org/rfc/rfc6265#section-5.2
import type { Leaf } from './tree.ts';

/** The leaves of Set-Cookie headers: the value of each cookie, then its attributes in lower case; a flag is `true`. */
export function setCookieLeaves(lines: readonly string[]): Leaf[] {
  if (lines.length === 0) return [];
  const seen = new Map<string, number>();
  return lines.flatMap((line) => {
    const [pair, ...attributes] = line.split(';');
    const equals = pair!.indexOf('=');
    if (equals < 0) return [];
    const name = pair!.slice(0, equals).trim();
    const n = seen.get(name) ?? 0;
    seen.set(name, n + 1);
    const path = n === 0 ? `cookie.${name}` : `cookie.${name}[${n}]`;
    return [
      { path, value: pair!.slice(equals + 1).trim() },
      ...attributes.flatMap((text) => attributeLeaf(path, text)),
    ];
  });
}

function attributeLeaf(path: string, text: string): Leaf[] {
  const equals = text.indexOf('=');
  const name = (equals < 0 ? text : text.slice(0, equals)).trim().toLowerCase();
  if (name === '') return [];
  const value = equals < 0 ? true : text.slice(equals + 1).trim();
  return [{ path: `${path};${name}`, value: name === 'samesite' ? String(value).toLowerCase() : value }];
}
