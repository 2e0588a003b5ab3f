import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { redacted } from './redactor.fixture.ts';

const digest = (text: string) => createHash('sha1').update(text).digest('base64url');

test('what a web framework has signed is a secret as a whole, whatever its signature happens to look like', () => {
  const kept = Array.from({ length: 500 }, (_, n) => {
    const said = Buffer.from(JSON.stringify(createHash('sha1').update(`said ${n}`).digest('hex')));
    const at = Buffer.from((1_795_400_000 + n).toString(16), 'hex').toString('base64url');
    return `${said.toString('base64url')}.${at}.${digest(`signature ${n}`)}`;
  }).filter(
    (value) => !/^\{"result":"rdx_[a-z0-9]{20}"\}$/.test(redacted(JSON.stringify({ result: value }))),
  );
  // Of a thousand signatures one is too plain.
  expect(kept.length).toBeLessThanOrEqual(1);
});

test.each([
  'www.example.a-rather-long-name-of-a-tld',
  'io.undertow.HandlerOfSomeLongClassNames',
  'the.second.thingsWithNumbers1234567890',
])('%s is not signed', (name) => {
  expect(redacted(JSON.stringify({ name }))).toBe(JSON.stringify({ name }));
});
