// What a page shows of a key that was made anew, and somebody copies.
import { expect, test } from 'vitest';
import { atomsOfText } from './atoms-of-text.ts';
import { LiveValues } from './live-values.ts';
import { pieceOfPage, pieceOfRedacted } from './page-pieces.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const page = (key: string, attribute = 'rdx_k3bd82hx91mcv7q0plwt') =>
  `<table data-of="${attribute}"><tr><th>Name</th><td>one</td></tr>\n<tr><th>Key</th>\n<td> ${key} </td></tr></table>`;
const RECORDED = 'rdx_ftexcnxdg50ta6uteymw';
const nth = (text: string, piece: string) => atomsOfText(text).indexOf(piece);

test('the text of an element or the value of an attribute is read as a person reads it', () => {
  const recorded = page(RECORDED);
  const live = page('wJ3k8aP0x&#43;Zq/7TtYb1c9Lm2Nn4V&#61;', 'a&amp;b/c');
  expect(pieceOfPage(recorded, live, nth(recorded, RECORDED))).toBe('wJ3k8aP0x+Zq/7TtYb1c9Lm2Nn4V=');
  expect(pieceOfPage(recorded, live, nth(recorded, 'rdx_k3bd82hx91mcv7q0plwt'))).toBe('a&b/c');
});

test('nothing is told of a piece of a longer text, of another page, and of a piece that is not there', () => {
  const recorded = page(`use ${RECORDED} now`);
  expect(pieceOfPage(recorded, page('use 2c5ea4c0 now'), nth(recorded, RECORDED))).toBeUndefined();
  const link = (key: string) => `<a href="${key}&amp;tab=7">next</a>`;
  expect(pieceOfPage(link(RECORDED), link('a/b'), nth(link(RECORDED), RECORDED))).toBeUndefined();
  expect(pieceOfPage(page(RECORDED), '<p>Sorry</p>', nth(page(RECORDED), RECORDED))).toBeUndefined();
  expect(pieceOfPage(page(RECORDED), page(RECORDED), 999)).toBeUndefined();
});

test('a key that a page shows with escaped signs is sent as it is', () => {
  const recorded = page(RECORDED);
  const path = `body#${nth(recorded, RECORDED)}`;
  const shown = sketchTest({ body: recorded, type: 'text/html', produces: [{ token: 't1', path }] });
  const values = new LiveValues(new Map([['t1', RECORDED]]));
  values.learn(
    shown,
    sketchAnswer({ body: page('wJ3k8aP0x&#43;Zq/7TtYb1c9Lm2Nn4V&#61;'), type: 'text/html' }),
  );
  const sent = sketchTest({ requestHeaders: [['X-Key', RECORDED]], consumes: ['t1'] });
  expect(values.fill(sent).request.headers).toContainEqual(['X-Key', 'wJ3k8aP0x+Zq/7TtYb1c9Lm2Nn4V=']);
});

test('a secret that holds what ends a piece is read up to what follows its stand-in, and what comes behind is found', () => {
  const recorded = `SID=${RECORDED}\nLSID=ada/2c5e\nAuth=rdx_k3bd82hx91mcv7q0plwt`;
  const live = 'SID=ada/9f01=7\nLSID=ada/77aa\nAuth=ada/b/c';
  expect(pieceOfRedacted(recorded, live, nth(recorded, RECORDED))).toBe('ada/9f01=7');
  expect(pieceOfRedacted(recorded, live, nth(recorded, 'rdx_k3bd82hx91mcv7q0plwt'))).toBe('ada/b/c');
  expect(pieceOfRedacted(recorded, live, nth(recorded, '2c5e'))).toBe('77aa');
  expect(pieceOfRedacted(recorded, live, 0)).toBeUndefined();
});
