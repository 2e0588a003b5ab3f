// Credentials over gRPC: a log-in answers one in a field without a name, and later requests carry it in their metadata.
import { isMarked, pairOfMark, type RRPair } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { field, grpcFrame, viewsOf, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const TOKEN = 'wzzovifdbxkjbivvwttf';
const LOGIN = '01976a3e-0000-7000-8000-000000000009';

function login(id: string, token: string): RRPair {
  const pair = sketch();
  pair.id = id;
  pair.protocol = 'grpc';
  pair.request!.url = 'http://shop:8080/shop.v1.Accounts/Login';
  const frame = grpcFrame(Buffer.concat([field(1, token), field(2, 'mia')]));
  pair.response!.body = { size: frame.length, encoding: 'identity', base64: frame.toString('base64') };
  return pair;
}

function call(header: string): RRPair {
  const pair = sketch();
  pair.protocol = 'grpc';
  pair.request!.headers = [['authorization', header]];
  return pair;
}

test('of a credential that an answer showed in the clear it is noted which answer that was, and no more', () => {
  const { redactor, sealed } = watched();
  const [asked, later] = [login(LOGIN, TOKEN), call(`Bearer ${TOKEN}`)];
  for (const pair of [asked, later]) redactor.pair(pair);
  expect(later.request!.headers).toEqual([['authorization', expect.stringMatching(/^Bearer rdx_\w+$/)]]);
  const [{ shown = '' } = {}] = later.redactions;
  expect(pairOfMark(shown)).toBe(LOGIN);
  expect(shown).toHaveLength(LOGIN.length + 5);
  expect([TOKEN, 'mia'].map((text) => isMarked(shown, text))).toEqual([true, false]);
  expect(viewsOf(later).join()).not.toContain(TOKEN);
  expect(sealed).toHaveLength(1);
});

test('so it is of a word that reads as a message, too', () => {
  const { redactor } = watched();
  const word = 'ysnqimomxakoybuqgaxp';
  const later = call(`Bearer ${word}`);
  for (const pair of [login(LOGIN, word), later]) redactor.pair(pair);
  expect(isMarked(later.redactions[0]?.shown ?? '', word)).toBe(true);
});

test('nothing is noted of others, of short words and of what only a request said', () => {
  const { redactor } = watched();
  const [one, other] = [call(`Bearer ${TOKEN}`), call('Bearer mia')];
  for (const pair of [login(LOGIN, 'anothertokenaltogether'), one, other]) redactor.pair(pair);
  expect([one, other].map(({ redactions }) => redactions.map(({ shown }) => shown))).toEqual([
    [undefined],
    [undefined],
  ]);
});
