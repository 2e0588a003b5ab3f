import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFrame } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storedSecrets } from './stored-secrets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stored-secrets-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const REDACTED = '{"email":"u-abcdefghij12@redacted.example.com","password":"rdx_0123456789abcdefghij"}';

function segment(...lines: string[]): Buffer {
  const header = { tenant: 't', segment: '019c0000-0000-7000-8000-000000000001', frame: 0 };
  const rest = { lines: lines.length, cursors: [], reports: [] };
  return encodeFrame(Buffer.from(lines.map((line) => `${line}\n`).join('')), { ...header, ...rest }).bytes;
}

test('a segment of tokens holds no secret', async () => {
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.rdx_0123456789';
  await writeFile(
    join(folder, 's.ndjson.zst'),
    segment(REDACTED, `["Cookie","shop_session=rdx_abc1"] "Bearer ${jwt}" {"token":"${jwt}"}`),
  );
  expect(await storedSecrets([folder])).toEqual([]);
});

test.each([
  ['{"email":"x@customers.example"}', 'e-mail addresses'],
  ['{"body":{"password":"hunter2"}}', 'passwords'],
  ['{"text":"{\\"password\\":\\"hunter2\\"}"}', 'passwords'],
  ['["authorization","Bearer 0123456789abcdef"]', 'bearer tokens'],
  ['{"token":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"}', 'signed login tokens'],
  ['["set-cookie","shop_session=abc; Path=/"]', 'session cookies'],
  ['["x-api-key","demo-payments-key"]', 'the API key'],
])('%s in a segment or in a plain file is named', async (line, name) => {
  await writeFile(join(folder, 's.ndjson.zst'), segment(REDACTED, line));
  expect(await storedSecrets([folder])).toEqual([expect.stringContaining(name)]);
  await rm(join(folder, 's.ndjson.zst'));
  await writeFile(join(folder, 'tests.jsonl'), `${REDACTED}\n${line}\n`);
  expect(await storedSecrets([folder])).toEqual([expect.stringContaining(name)]);
});

test('a folder that could not be read as a recording does not pass for clean', async () => {
  expect(await storedSecrets([folder])).toEqual(['nothing redacted was found in what is stored']);
});
