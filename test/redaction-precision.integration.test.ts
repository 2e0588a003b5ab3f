// What redaction takes for a secret and is none: clean traffic of many kinds through the whole redactor, by the megabyte.
// Made traffic has nothing to hide, so nothing may change; texts that people wrote are counted and shown.
import { globSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { defaultRules, Redactor } from '@echoplane/rules';
import { afterAll, expect, test } from 'vitest';
import { CLEAN_TEXTS, cleanTexts } from '../packages/rules/src/redaction/clean-text.fixture.ts';

const CHARACTERS = 250_000;
const TYPES: Record<keyof typeof CLEAN_TEXTS, string> = {
  catalogue: 'application/json',
  page: 'text/html',
  log: 'text/plain',
  table: 'text/csv',
  script: 'text/javascript',
  statement: 'application/sql',
  metrics: 'text/plain; version=0.0.4',
  headers: 'text/plain',
};
const report: string[] = [];

function redactor() {
  const found = new Map<string, number>();
  const { redaction, version } = defaultRules();
  const made = new Redactor({
    ...{ rules: redaction, version, key: new Uint8Array(32).fill(9) },
    seen: ({ kind }) => found.set(kind, (found.get(kind) ?? 0) + 1),
  });
  return { found, made };
}

function noted(what: string, characters: number, found: Map<string, number>): void {
  const total = [...found.values()].reduce((sum, count) => sum + count, 0);
  const kinds = [...found].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const rate = ((total * 1e6) / characters).toFixed(1);
  report.push(`${what}: ${rate} per MB of ${(characters / 1e6).toFixed(2)} MB${kinds ? ` (${kinds})` : ''}`);
}

afterAll(() => console.log(`redactions of clean text\n  ${report.join('\n  ')}`));

test.each(Object.keys(CLEAN_TEXTS) as (keyof typeof CLEAN_TEXTS)[])(
  'clean traffic stays as it is: %s',
  (kind) => {
    const { made, found } = redactor();
    const texts = cleanTexts(kind, CHARACTERS, 7);
    const changed = texts.filter((text) => made.text(text, TYPES[kind]) !== text);
    noted(kind, CHARACTERS, found);
    expect(changed.map((text) => [text, made.text(text, TYPES[kind])])).toEqual([]);
  },
);

/** Ids, codes and numbers of real services, with names of fields that say nothing. */
const IDS = {
  charge: 'ch_3MmlLrLkdIwHu7ix0snN0B15',
  customer: 'cus_NffrFeUfNV2Hib',
  intent: 'pi_3MtwBwLkdIwHu7ix28a3tqPa',
  event: 'evt_1NG8Du2eZvKYlo2CUI79vXWy',
  uuid: '7f9c24e8-3b12-4fef-91e0-2d1d4e6b7a55',
  ulid: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  mongo: '507f1f77bcf86cd799439011',
  snowflake: '1541815603606036480',
  node: 'MDQ6VXNlcjU4MzIzMQ==',
  sha: '9fceb02d0ae598e95dc970b74767f19372d61af8',
  digest: 'sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
  trace: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  amazon: 'Root=1-67891233-abcdef012345678912345678',
  arn: 'arn:aws:ec2:eu-west-1:123456789012:instance/i-0abcd1234efgh5678',
  pod: 'checkout-7d9fd96b5c-x7k2p',
  image:
    'registry.example/shop/checkout:1.24.0-rc.3@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  version: '10.0.19045.4291',
  isbn: '978-3-16-148410-0',
  isbn10: '0-306-40615-2',
  ean: '4006381333931',
  upc: '036000291452',
  asin: 'B08N5WRWNW',
  iccid: '5.2.100.4',
  at: '2026-11-21T10:41:52.123456Z',
  epochMs: 1795257712123,
  epochUs: 1795257712123456,
  epochNs: '1795257712123456789',
  order: '2026-0011-4711',
  invoice: 'INV-2026-004711/03',
  ticket: 'OPS-20394',
  price: '1,299.00',
  zip: '10115',
  point: [52.520008, 13.404954],
  box: '52.5200,13.4050,48.1351,11.5820',
  phonelike: 'order 030-4711 of 555-0199',
  hours: '09:00-17:30',
  range: '2026-11-01..2026-11-30',
  colour: '#1a2b3c',
  mac: '00:1B:44:11:3A:B7',
  ip: '2001:db8:85a3::8a2e:370:7334',
  etag: 'W/"5e8f-17c6e1b2a40"',
  agent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  page: { next_page_token: 'page-2', continuation_token: 'c_17', max_tokens: 4096, total_tokens: 512 },
  thumbnail: `data:image/png;base64,${Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...Array.from({ length: 900 }, (_, at) => (at * 7919) % 256)]).toString('base64')}`,
  names: [
    { name: 'colour', value: 'red' },
    { key: 'region', value: 'eu-west-1' },
    { name: 'author', value: 'Ann' },
  ],
  query: "insert into items (sku, colour) values ('a-1', 'red')",
  markup: '<p class="lead">A <b>bold</b> word</p>',
};

test('ids, codes and numbers of real services stay as they are', () => {
  const { made, found } = redactor();
  const changed = Object.entries(IDS).flatMap(([name, id]) => {
    const text = JSON.stringify({ [name]: id, list: [id] });
    const redacted = made.text(text, 'application/json');
    return redacted === text ? [] : [redacted];
  });
  noted('ids', JSON.stringify(IDS).length, found);
  expect(changed).toEqual([]);
});

/** Redactions per megabyte at most: such texts do hold addresses, keys of examples and numbers of telephones. */
const WRITTEN: [string, string, string, number][] = [
  ['lock files', 'package-lock.json', 'application/json', 20],
  ['programs', 'node_modules/{fastify,pino,undici,zod}/**/*.js', 'text/javascript', 60],
  ['styles and pages', 'node_modules/**/*.{css,html}', 'text/html', 200],
  ['prose', 'node_modules/{fastify,pino,undici,zod,ws}/**/*.md', 'text/markdown', 400],
  ['our own documents', 'docs/**/*.md', 'text/markdown', 100],
];
const MOST_CHARACTERS = 1_500_000;

test.each(WRITTEN)('of texts that people wrote few are changed: %s', (what, pattern, type, most) => {
  const { made, found } = redactor();
  let characters = 0;
  for (const file of globSync(pattern, { cwd: `${import.meta.dirname}/..` }).sort()) {
    if (characters > MOST_CHARACTERS) break;
    if (extname(file) === '' || basename(file).startsWith('.')) continue;
    const text = readFileSync(`${import.meta.dirname}/../${file}`, 'utf8');
    characters += text.length;
    made.text(text, type);
  }
  noted(what, characters, found);
  const total = [...found.values()].reduce((sum, count) => sum + count, 0);
  expect(characters).toBeGreaterThan(10_000);
  expect((total * 1e6) / characters).toBeLessThanOrEqual(most);
});
