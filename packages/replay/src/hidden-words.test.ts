// Addresses with digests in them, of which redaction took more in one life of a service than in the other.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, page } from './shifted-replay.fixture.ts';

const A = 'rdx_p5zy9yfm2w77qixe6hwo';
const B = 'rdx_11gp40eh4hutnuqjuflb';
const C = 'rdx_du7wp939nnans7evkgm5';
const picture = (address: string, words = 'in some words') =>
  page(`<p>One <img src="${address}"> ${words}.</p>`);
const compared = (was: string, is: string, words?: string) =>
  differences({ n: 1, ...picture(was) }, picture(is, words), new LiveValues(new Map()));

test('what redaction took of one and not of the other may differ, in an equal text', () => {
  expect(compared(`${A}${B}`, `/proxy/${C}${B}`)).toEqual([]);
  expect(compared(`/proxy/${C}${B}`, `${A}${B}`)).toEqual([]);
  expect(compared(`${A}${B}`, `/proxy/${C}${B}`, 'in other words')).not.toEqual([]);
});

test('what both show is the same', () => {
  expect(compared(`/proxy/${A}${B}`, `/files/${C}${B}`)).not.toEqual([]);
  expect(compared(`${A}${B}`, '/proxy/picture-of-a-cover')).not.toEqual([]);
});
