import { type RRPair, TAG } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { recordedAnswer } from './recorded-answers.ts';

const headers: [string, string][] = [
  ['Content-Type', 'text/plain'],
  ['x-echoplane-match', 'recorded'],
];
const answered = (parts: object = {}) =>
  ({
    ...{ direction: 'OUT', error: null, request: { method: 'GET' } },
    response: { status: 200, headers, body: { size: 0, encoding: 'identity' } },
    tags: { [TAG.replay]: 'r', [TAG.match]: 'recorded', team: 'a' },
    ...parts,
  }) as unknown as RRPair;

test('an answer of the real host becomes part of the recording, without what the replay said of it', () => {
  const pair = recordedAnswer(answered())!;
  expect(pair.tags).toEqual({ team: 'a' });
  expect(pair.response!.headers).toEqual([['Content-Type', 'text/plain']]);
});

test('answers of mocks, passed ones and broken ones do not', () => {
  for (const match of ['exact', 'passthrough', 'miss'])
    expect(recordedAnswer(answered({ tags: { [TAG.match]: match } }))).toBeNull();
  expect(recordedAnswer(answered({ error: 'client-closed' }))).toBeNull();
  expect(recordedAnswer(answered({ gaps: { responseTruncatedBytes: 5 } }))).toBeNull();
  expect(recordedAnswer(answered({ response: null }))).toBeNull();
});
