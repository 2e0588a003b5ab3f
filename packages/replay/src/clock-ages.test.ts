import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US, type TestSketch } from './test.fixture.ts';

const recordedMs = RECORDED_US / 1000;
const liveMs = recordedMs + SHIFT_MS;
/** An event that was sent so long before it is asked for, as a chat shows it. */
const event = (nowMs: number, age: number, rest: object = {}) => ({
  ...{ id: 7, text: 'hello', sentAt: nowMs + 1 - age, ...rest },
  extra: { age, seen: true },
});
const found = (recorded: unknown, live: unknown, rest: TestSketch = {}) =>
  differences({ ...rest, ...json(recorded) }, json(live), new LiveValues(new Map()));

test('an age is another number, and with its time the moment of the answer', () => {
  expect(found(event(recordedMs, 1_580), event(liveMs, 1_930))).toEqual([]);
  const beside = (nowMs: number, age: number) => ({ at: nowMs + 1 - age, age });
  expect(found(beside(recordedMs, 900), beside(liveMs, 970))).toEqual([]);
  const inSeconds = (nowMs: number, age: number) => ({ at: nowMs - age * 1000 - 300, uptime_seconds: age });
  expect(found(inSeconds(recordedMs, 4), inSeconds(liveMs, 5))).toEqual([]);
});

test.each<[string, object, object]>([
  ['another age than the live time has', event(liveMs, 1_930), { extra: { age: 2_400, seen: true } }],
  ['a count', { at: liveMs - 20, agenda: 20, pages: 20 }, {}],
])('%s is a difference', (name, live, change) => {
  const recorded =
    name === 'a count' ? { at: recordedMs - 19, agenda: 19, pages: 19 } : event(recordedMs, 1_580);
  const expected = name === 'a count' ? ['body.agenda value', 'body.pages value'] : ['body.extra.age value'];
  expect(found(recorded, { ...live, ...change })).toEqual(expected);
});

test('the age of a person, which the client said, is one', () => {
  const person = (nowMs: number, age: number) => ({ name: 'Ada', age, createdAt: nowMs + 1 });
  const made = { method: 'POST', requestBody: { name: 'Ada', age: 34 } };
  expect(found(person(recordedMs, 34), person(liveMs, 35), made)).toEqual(['body.age value']);
});

test.each(['old_quantity', 'previousOld', 'since_id', 'sinceId', 'max_age', 'maxAgeDays'])(
  '%s beside the time at which it was written is none',
  (key) => {
    const written = (nowMs: number, number: number) => ({ [key]: number, updatedAt: nowMs + 1 });
    expect(found(written(recordedMs, 12), written(liveMs, 17))).toEqual([`body.${key} value`]);
    expect(found({ seconds_old: 1, at: recordedMs - 1_200 }, { seconds_old: 2, at: liveMs - 2_200 })).toEqual(
      [],
    );
  },
);

test('how long ago something was stands where it stood, without a time beside it', () => {
  const asked = (last_active_ago: number) => {
    const values = new LiveValues(new Map());
    differences(json({}), json({}), values);
    const recorded = { n: 2, atUs: 2_000_000, ...json({ last_active_ago: 1_950 }) };
    return differences(recorded, json({ last_active_ago }), values);
  };
  expect(asked(1_980)).toEqual([]);
  expect(asked(90_000)).toEqual(['body.last_active_ago value']);
});

test('the elements of a list are known again whatever their age', () => {
  const list = (nowMs: number, ages: number[]) =>
    ages.map((age, i) => event(nowMs, age, { id: i, text: `${i}` }));
  const [first, second] = list(liveMs, [450, 350]);
  expect(found(list(recordedMs, [400, 300]), [first, second])).toEqual([]);
  expect(found(list(recordedMs, [400, 300]), [second, first])).toEqual(['body order']);
});
