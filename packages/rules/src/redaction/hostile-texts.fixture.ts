// Texts that would take minutes if work were not bounded by passes over them: depths, lengths and counts, of any size.
import { redacted } from './redactor.fixture.ts';

const TYPES = [
  ...['application/json', 'text/plain', 'text/html', 'application/sql', ''],
  ...['application/x-www-form-urlencoded', 'multipart/form-data; boundary=b'],
];

/** Beginnings that detectors look at and that lead to nothing, however often they are said. */
export const HOSTILE_PIECES = [
  '@',
  '1',
  '+',
  'a',
  '-',
  '-----BEGIN X PRIVATE KEY-----',
  'eyJ-',
  'eyJ',
  'sk-',
  '1 ',
  '1-',
  '1.',
  '/1',
  'a@',
  '://a:@',
  'pwd=',
  '%',
  '%40',
  'ZZ11',
  'DE89 ',
  '9999 99',
  '\\',
  'a/',
  'rdx',
  '(1',
  '+1 ',
  '0/',
  'IQoJb3JpZ2lu ',
];

/** Names and texts of about `size` characters. */
export function hostileTexts(size: number): [name: string, text: string][] {
  const many = (piece: string, before = '', after = '') =>
    `${before}${piece.repeat(Math.ceil(size / piece.length))}${after}`;
  return [
    ['open brackets', many('[')],
    ['open objects', many('{"a":')],
    ['closed brackets', many(']')],
    ['backslashes', many('\\', '{"a":"')],
    ['escaped quotes', many('\\"', '{"a":"', '"}')],
    ['many strings with an escape each', many('"\\n",', '[', '1]')],
    ['quotes', many('"')],
    ['one long string', many('a', '{"a":"', '"}')],
    ['one long secret', many('aB3', '{"password":"', '"}')],
    ['spaces after strings', many(`["a"${' '.repeat(1000)}`)],
    ['equal signs', many('a=')],
    ['colons', many('password:')],
    ['assignments', many('password=x ')],
    ['percent signs', many('%25')],
    ['at signs', many('://a@')],
    ['dots of a JWT', many('eyJ.')],
    ['slashes', many('abcdefghijklmnopqrst/')],
    ['tags', many('<a b="')],
    ['open tags', many('<')],
    ['entities', many('&amp;', '<a>', '</a>')],
    ['boundaries', many('--b\r\n', '--b\r\nContent-Disposition: form-data\r\n\r\n')],
    ['literals', many("insert into t (a) values ('").slice(0, 54_000)],
    ['quotes of SQL', many("'")],
  ];
}

/** The text redacted as a body of every type that is read in a way of its own. */
export function redactedAsAnything(text: string): string[] {
  return TYPES.map((type) => redacted(text, type));
}
