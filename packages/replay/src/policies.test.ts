// Content security policies, which are sets of directives.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, head, page } from './shifted-replay.fixture.ts';

const POLICY = 'Content-Security-Policy';
const found = (was: string, is: string, name = POLICY) =>
  differences(head([name, was]), head([name, is]), new LiveValues(new Map()));

const recorded =
  "default-src 'self'; script-src 'self' cdn.example.com; img-src 'self' data:; style-src 'self'";

test.each([
  [
    'directives',
    "style-src 'self'; img-src 'self' data:; default-src 'self'; script-src 'self' cdn.example.com",
  ],
  [
    'sources',
    "default-src 'self'; script-src cdn.example.com 'self'; img-src data: 'self'; style-src 'self'",
  ],
  ['blanks', "default-src 'self';style-src 'self';img-src  'self' data:;script-src 'self' cdn.example.com;"],
])('how %s stand means nothing', (_, live) => {
  expect(found(recorded, live)).toEqual([]);
  expect(found(`${recorded};`, live)).toEqual([]);
  expect(found(recorded, live, `${POLICY}-Report-Only`)).toEqual([]);
  expect(found(recorded, live, 'X-Policy')).toHaveLength(1);
});

test.each([
  ['a lost directive', "default-src 'self'; script-src 'self' cdn.example.com; img-src 'self' data:"],
  ['another one', recorded.replace('style-src', 'font-src')],
  ['a new one', `${recorded}; font-src *`],
  ['a source more', `${recorded} *`],
  ['a lost source', recorded.replace(' data:', '')],
  ['another source', recorded.replace('cdn', 'evil')],
  [
    'sources of another directive',
    recorded.replace("img-src 'self' data:", "img-src 'self' cdn.example.com"),
  ],
  // The first of two counts.
  ['a second one of a name', `script-src *; ${recorded}`],
])('%s is a difference', (_, live) => {
  const turned = live.split('; ').reverse().join('; ');
  expect(found(recorded, live)).toHaveLength(1);
  expect(found(recorded, turned)).toHaveLength(1);
});

const turnedWith = (nonce: string) => `script-src ${nonce} 'self'; default-src 'self'`;

test.each([
  ['another', "'nonce-oselT+Jhkt1Z33zlGf44Iw=='", "'nonce-x9Q2mZ8vT1bKf4Lw7pRsYA=='"],
  ['one that was redacted in part', "'nonce-wj/JB8tC3rQWHlMwKDxD8Q=='", "'rdx_bhq9wrp7fy2bhrlwcoy4/g=='"],
  ['one that was redacted', "'nonce-wj/JB8tC3rQWHlMwKDxD8Q=='", "'rdx_e54x66h5i55ca92f35hu'"],
])('a nonce is %s in each answer, whatever stands around it', (_, was, is) => {
  expect(found(`default-src 'self'; script-src ${was} 'self'`, turnedWith(is))).toEqual([]);
  const tag = (nonce: string) =>
    `<p>Hi</p><script nonce="${nonce.slice(1, -1).replace('nonce-', '')}">go()</script>`;
  expect(differences(page(tag(was)), page(tag(is)), new LiveValues(new Map()))).toEqual([]);
});

test('a nonce that is gone, or a source in its place, is a difference', () => {
  const was = "default-src 'self'; script-src 'nonce-oselT+Jhkt1Z33zlGf44Iw==' 'self'";
  expect(found(was, "script-src 'self'; default-src 'self'")).toHaveLength(1);
  expect(found(was, turnedWith("'unsafe-inline'"))).toHaveLength(1);
  const values = () => new LiveValues(new Map());
  const tag = (nonce: string) => page(`<script nonce="${nonce}">go()</script>`);
  expect(differences(tag('oselT+Jhkt1Z33zlGf44Iw=='), tag(''), values())).toHaveLength(1);
  expect(
    differences(tag('oselT+Jhkt1Z33zlGf44Iw=='), page('<script>go()</script>'), values()).length,
  ).toBeGreaterThan(0);
});
