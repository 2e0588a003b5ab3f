import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

/** So many ms after the start of the recording; exchanges are 50 ms apart. */
const at = (ms: number) => new Date(START_US / 1_000 + ms).toISOString();
const HOUR = 3_600_000;

/** `body.at`, `body.at again` of each test; '' of one without a time of its own. */
const ownTimes = (exchanges: readonly Exchange[], edits?: Parameters<typeof analyze>[1]) =>
  analyze(record(exchanges), edits).tests.map(({ ownTimes: times = [] }) =>
    times
      .map(({ path, again }) => `${path}${again ? ' again' : ''}`)
      .sort()
      .join('; '),
  );
const send = (body: object): Exchange => ({ request: 'POST /events', body, status: 201 });

test('times that a client reads off its clock are its own: now, just before, an hour from now', () => {
  expect(ownTimes([send({ at: at(1) }), send({ at: at(40), since: at(20), ends: at(HOUR + 49.5) })])).toEqual(
    ['body.at', 'body.at; body.ends; body.since'],
  );
});

test('what is due soon is reckoned from now, by any number of seconds', () => {
  const claim: Exchange = { request: 'POST /claim', body: { before: at(10_049) }, answer: [] };
  expect(ownTimes([send({ at: at(1) }), claim])).toEqual(['body.at', 'body.before']);
  const expires: Exchange = { request: 'GET /lease', answer: { expires: at(10_049) } };
  expect(ownTimes([expires, { ...claim }])).toEqual(['', '']);
});

test('in every form, wherever they stand', () => {
  const query = `POST /events?ms=${START_US / 1_000 + 3}&s=${START_US / 1e6}`;
  expect(
    ownTimes([{ request: query, headers: [['X-At', new Date(START_US / 1_000).toUTCString()]] }]),
  ).toEqual(['header.x-at; query.ms; query.s']);
});

test('dates that somebody chose, times long ago, and what an answer gave before are not', () => {
  const given: Exchange = { request: 'GET /clock', answer: { now: at(7.123) } };
  const chosen = { due: '2027-06-01T09:00:00Z', ends: at(HOUR), born: '1990-05-05T12:34:56.789Z' };
  expect(ownTimes([given, send({ at: at(7.123) }), send(chosen)])).toEqual(['', '', '']);
});

test('the same instant again is the one that was sent before', () => {
  expect(
    ownTimes([
      send({ at: at(1), also: at(1) }),
      send({ at: at(60) }),
      { request: `GET /events?from=${at(1)}` },
    ]),
  ).toEqual(['body.also again; body.at', 'body.at', 'query.from again']);
});

test('a place that mostly holds other times has none, nor one that a user refuses', () => {
  const old = [1, 2, 3].map((day) => send({ at: `2020-01-0${day}T10:00:00Z` }));
  expect(ownTimes([send({ at: at(1) }), ...old])).toEqual(['', '', '', '']);
  const refuse = [{ method: 'POST', endpoint: '/events', path: 'body.at' }];
  expect(ownTimes([send({ at: at(1) })], { v: 1, ownTimes: { refuse } })).toEqual(['']);
});
