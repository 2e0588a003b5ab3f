// The short ways, fuzzed: a value that is passed by as plain is what the long way gives back; and a redactor that remembers
// keys and clean values, or takes no short way at all, redacts like a fresh one.
import type { RRPair } from '@echoplane/traffic';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holds } from '../../../../test/stages/fuzz.ts';
import { CLEAN_TEXTS, cleanTexts } from './clean-text.fixture.ts';
import { Inspection } from './inspection.ts';
import { KeyNames } from './key-names.ts';
import { Notes } from './notes.ts';
import { Patterns } from './patterns.ts';
import { isPlain } from './plain-value.ts';
import { base64, jwtOf, KEY, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';
import { TokenMinter } from './token-minter.ts';

const RULES = { keys: ['pw', 'x-größe', 'a1'], keysExcept: [] };
/** What the long way would note. */
const noted: string[] = [];
const inspection = new Inspection({
  notes: new Notes({ seen: ({ kind }) => noted.push(kind) }),
  minter: new TokenMinter(KEY),
  off: new Set(),
  patterns: new Patterns([]),
  fields: new KeyNames('field', RULES),
  claims: new KeyNames('claim', RULES),
});

const telling = fc.constantFrom(
  ...[
    '4111 1111 1111 1111',
    '4111111111111111',
    '378282246310005',
    'a@b.cd',
    'x%40y.org',
    '+4930123456',
    '555-123-4567',
  ],
  ...[
    '(555) 123-4567',
    '123-45-6789',
    '12345678Z',
    'X1234567L',
    'AB 12 34 56 C',
    'AB123456C',
    'DE89370400440532013000',
    'de89370400440532013000',
  ],
  ...[
    'GB29 NWBK 6016 1331 9268 19',
    'be68539007547034',
    'sk_live_abcdefghij',
    'xoxb-abcdefghij',
    'AKIAIOSFODNN7EXAMPLE',
  ],
  ...[
    'hooks.slack.com/services/abcdefghijklmnopqrstuv',
    'password: hunter2',
    'pw:abc1',
    'token:x1y2z3',
    'Bearer abcdefg1',
    'x;Bearer abcdefg1',
  ],
  ...[
    'basic  abcdefg1',
    '-----BEGIN RSA PRIVATE KEY-----',
    "insert into t (pw) values ('b')",
    '<a pw="b">',
    '{"pw":1}',
  ],
  ...[
    'rdx_abc1',
    'ZZ11222233334444',
    '+999123456',
    base64('password: hunter2'),
    base64('pwd=hunter2a'),
    base64('pwd=hu???n12'),
    jwtOf({ email: 'a@b.cd' }),
    'eyJ',
    'H4sI',
  ],
);
const usual = fc.oneof(
  fc.uuid(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.stringMatching(/^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9A-F]{64})$/),
  fc.stringMatching(/^[a-z]{1,12}$/),
  fc.stringMatching(/^[A-Za-z0-9_/-]{1,24}$/),
  fc.stringMatching(/^[0-9]{1,20}$/),
  fc.double({ noNaN: true }).map(String),
);
const sign = fc.constantFrom(
  ...' -_./~:;,()[]{}<>"\'`|\\&#?!*$^=@%+\n\tä ß用',
  ' ',
  ' ',
  '://',
  '::',
  ': ',
  'T10:',
);
const anyText = fc.oneof(
  usual,
  telling,
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.array(fc.oneof(usual, telling, sign, sign), { maxLength: 8 }).map((parts) => parts.join('')),
  fc.array(fc.oneof(usual, sign), { maxLength: 6 }).map((parts) => parts.join('')),
);

function expectPlainStays(value: string, before = '', after = ''): boolean {
  const text = before + value + after;
  if (!isPlain(text, before.length, text.length - after.length, inspection.fields)) return false;
  noted.length = 0;
  const given = inspection.judged(value, 0);
  if (given !== value || noted.length > 0) expect([value, given, noted]).toEqual([value, value, []]);
  return true;
}

test('a plain value is given back by the long way too, wherever it stands', () => {
  const around = fc.constantFrom(
    ['', ''],
    ['{"a":"', '"}'],
    ['/', '/x?y'],
    ['a=', '&b'],
    ['(', ')'],
    ['-----BEGIN', '1'],
  );
  let plain = 0;
  holds(
    fc.property(anyText, around, (value, [before, after]) => {
      if (expectPlainStays(value, before, after)) plain++;
    }),
  );
  expect(plain).toBeGreaterThan(100);
});

test('no word of clean text is plain and yet taken by the long way', () => {
  for (const kind of Object.keys(CLEAN_TEXTS) as (keyof typeof CLEAN_TEXTS)[])
    for (const text of cleanTexts(kind, 20_000, 5))
      for (const word of text.split(/[\s"]+/)) expectPlainStays(word);
});

const key = fc.oneof(
  fc.constantFrom(
    'name',
    'value',
    'key',
    'password',
    'note',
    'email',
    'card',
    'createdAt',
    'a.b',
    'a[pw]',
    'x y',
    'é"\\',
  ),
  fc.stringMatching(/^[a-z]{1,8}$/),
  telling,
);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.integer(),
    fc.constantFrom(true, null, 4111111111111111),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5 }),
    fc.record({ name: key, value: tie('value') }),
  ),
})).value;
const headerText = anyText.map((text) => text.replace(/[^ -~\u0080-\uffff]/g, ' ').trim());
const header = fc.tuple(
  fc.constantFrom('ETag', 'Host', 'X-Request-Id', 'User-Agent', 'Date', 'Referer', 'Cookie'),
  headerText,
);
const pairs = fc
  .record({
    body: json.map((value) => JSON.stringify(value) ?? ''),
    cut: fc.nat({ max: 40 }),
    headers: fc.array(header, { maxLength: 4 }),
    path: fc.array(headerText, { maxLength: 3 }),
    query: fc.array(fc.tuple(key, headerText), { maxLength: 3 }),
  })
  .map(({ body, cut, headers, path, query }) => (): RRPair => {
    const pair = sketch();
    const text = body.slice(0, Math.max(0, body.length - (cut < 5 ? cut : 0)));
    const form = query.map(([name, value]) => `${encodeURI(name)}=${value.replaceAll('#', '')}`).join('&');
    pair.request!.url = `http://shop:8080/${path.join('/').replaceAll('?', '')}?${form}`;
    pair.request!.headers = [
      ['Content-Type', 'application/json'],
      ...headers.map((one): [string, string] => [...one]),
    ];
    pair.request!.body = { size: text.length, encoding: 'identity', text };
    return pair;
  });

test('a redactor that has seen much redacts like a fresh one, and like one that takes no short way', () => {
  const old = watched(RULES);
  // Where users have patterns every value goes the long way.
  const long = watched({ ...RULES, patterns: [{ name: 'none', pattern: 'never-in-any-text-\\d{9}' }] });
  holds(
    fc.property(pairs, (make) => {
      const [first, again, fresh, slow] = [make(), make(), make(), make()];
      for (const one of [old, long]) one.seen.length = 0;
      old.redactor.pair(first);
      const seen = old.seen.splice(0);
      old.redactor.pair(again);
      watched(RULES).redactor.pair(fresh);
      long.redactor.pair(slow);
      expect([again, old.seen]).toEqual([first, seen]);
      expect(fresh).toEqual(first);
      expect([slow, long.seen]).toEqual([first, seen]);
    }),
  );
});

test('names that rules add are known in every spelling, whatever they end in', () => {
  const spelling = fc.tuple(
    fc.stringMatching(/^[a-zA-Z0-9_.ßäK$-]{1,12}$/),
    fc.constantFrom('', '-', '_', ' ', '.'),
    fc.boolean(),
  );
  holds(
    fc.property(
      spelling,
      fc.constantFrom('field' as const, 'claim' as const, 'header' as const),
      ([name, end, upper], place) => {
        const names = new KeyNames(place, { keys: [name], keysExcept: [] });
        const written = (upper ? name.toUpperCase() : name) + end;
        fc.pre(written.toLowerCase() === name.toLowerCase() + end && /[^-_. ]/.test(name));
        expect([written, names.kindOf(written)]).toEqual([written, 'credential']);
      },
    ),
  );
});
