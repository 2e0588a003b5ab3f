import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, SHIFT_MS } from './shifted-replay.fixture.ts';

interface Row {
  name: string;
  size: number;
  shelf: string;
}
const rows = (...list: [name: string, size: number][]) =>
  json(list.map(([name, size]): Row => ({ name, size, shelf: `shelf ${size}` })));
const found = (target: string, recorded: ReturnType<typeof rows>, live: ReturnType<typeof rows>) =>
  differences({ target, ...recorded }, live, new LiveValues(new Map()));

const SORTED = '/things?sort=name,desc';
const recorded = rows(['pear', 2], ['pear', 1], ['fig', 7]);

test('of those that are equal in what was asked for, none comes first', () => {
  expect(found(SORTED, recorded, rows(['pear', 1], ['pear', 2], ['fig', 7]))).toEqual([]);
  expect(found('/things?orderBy=thingName', recorded, rows(['pear', 1], ['pear', 2], ['fig', 7]))).toEqual(
    [],
  );
});

test('one at the edge of a page may stand on the next', () => {
  const page = rows(['pear', 1], ['fig', 7], ['fig', 8]);
  expect(found(SORTED, page, rows(['pear', 1], ['fig', 9], ['fig', 7]))).toEqual([]);
  expect(found(SORTED, page, rows(['pear', 3], ['fig', 7], ['fig', 8]))).toEqual([]);
  expect(found(SORTED, page, rows(['pear', 1], ['elm', 9], ['fig', 7]))).not.toEqual([]);
  expect(found(`${SORTED}&page=2`, rows(['fig', 7]), rows(['fig', 9]))).toEqual([]);
  expect(found(SORTED, rows(['fig', 7]), rows(['fig', 9]))).not.toEqual([]);
  const changed = json([
    { name: 'pear', size: 1, shelf: 'shelf 1' },
    { name: 'fig', size: 7, shelf: 'shelf 7' },
    { name: 'fig', size: 8, shelf: 'shelf 9' },
  ]);
  expect(found(SORTED, page, changed)).toEqual(['body[2].shelf value']);
  expect(found(SORTED, page, rows(['pear', 1], ['fig', 7]))).not.toEqual([]);
});

test('whatever was not asked to be sorted by keeps its order', () => {
  const turned = rows(['pear', 1], ['pear', 2], ['fig', 7]);
  for (const target of ['/things', '/things?name=pear', '/orders?by=name', '/things?sort=size'])
    expect(found(target, recorded, turned)).toEqual(['body order']);
  expect(found(SORTED, recorded, rows(['fig', 7], ['pear', 2], ['pear', 1]))).toEqual(['body order']);
});

test('an order that many of the equal ones kept is part of the answer', () => {
  const many = rows(...[1, 2, 3, 4, 5, 6, 7].map((n): [string, number] => ['fig', n]));
  const mixed = rows(...[2, 1, 3, 4, 5, 6, 7].map((n): [string, number] => ['fig', n]));
  expect(found('/things?sort=name', many, mixed)).toEqual(['body order']);
});

test('what is wrong with a request is told in any order, what is right is not', () => {
  const faults = (...fields: string[]) =>
    json({ errors: fields.map((field) => ({ field, message: 'wrong' })) });
  const values = () => new LiveValues(new Map());
  for (const status of [400, 422])
    expect(
      differences({ status, ...faults('name', 'email') }, { status, ...faults('email', 'name') }, values()),
    ).toEqual([]);
  expect(differences(faults('name', 'email'), faults('email', 'name'), values())).toEqual([
    'body.errors order',
  ]);
  const status = 400;
  expect(
    differences({ status, ...faults('name', 'email') }, { status, ...faults('name', 'age') }, values()),
  ).not.toEqual([]);
});

test('the way to the place of what is wrong has an order', () => {
  const faults = (...loc: (string | number)[]) =>
    json({ detail: [{ loc, messages: ['too short', 'too common'] }] });
  const found = (live: ReturnType<typeof json>) =>
    differences(
      { status: 422, ...faults('body', 'lines', 0) },
      { status: 422, ...live },
      new LiveValues(new Map()),
    );
  expect(found(faults('lines', 'body', 0))).toEqual(['body.detail[0].loc order']);
  const turned = { detail: [{ loc: ['body', 'lines', 0], messages: ['too common', 'too short'] }] };
  expect(found(json(turned))).toEqual([]);
});

/** Rows of a log, each with the second in which it was made. */
const log = (shiftMs: number, ...list: [name: string, second: number][]) =>
  json(
    list.map(([name, second]) => ({
      ...{ name, note: `${name} was made` },
      made_at: iso(Math.floor(shiftMs / 1000) * 1000 + second * 1000),
    })),
  );
const latest = (target: string, then: [string, number][], now: [string, number][]) =>
  differences(
    { target, atUs: 9_000_000, ...log(0, ...then) },
    log(SHIFT_MS, ...now),
    new LiveValues(new Map()),
  );

test('what shared its second with the last one of a page may stand on the next', () => {
  const target = '/log?limit=3&order=made_at%20desc';
  const then: [string, number][] = [
    ['fig', 5],
    ['elm', 4],
    ['oak', 4],
  ];
  const now: [string, number][] = [
    ['fig', 5],
    ['ash', 4],
    ['elm', 3],
  ];
  expect(latest(target, then, now)).toEqual([]);
  expect(latest('/log?limit=3', then, now)).not.toEqual([]);
  expect(latest(target, then, [now[1]!, now[2]!, now[0]!])).not.toEqual([]);
  expect(latest(target, then, [['yew', 5], now[1]!, now[2]!])).not.toEqual([]);
  expect(latest(target, [then[0]!, ['elm', 4], ['oak', 3]], now)).not.toEqual([]);
  // The last second of the live page may have more in it than the recorded one had.
  const cut: [string, number][] = [
    ['fig', 5],
    ['elm', 4],
    ['oak', 3],
  ];
  const longer: [string, number][] = [
    ['fig', 5],
    ['oak', 3],
    ['ash', 3],
  ];
  expect(latest(target, cut, longer)).toEqual([]);
  expect(latest(target, [['elm', 6], cut[0]!, cut[2]!], longer)).not.toEqual([]);
});

test('a page by what redaction took has other things on it, in the order of what stands in for that', () => {
  const people = (...names: string[]) =>
    json(
      names.map((name) => ({
        name,
        note: `of ${name}`,
        email: `u-${name.padEnd(12, '0')}@redacted.example.com`,
      })),
    );
  const page = (target: string, then: string[], now: string[]) =>
    differences({ target, ...people(...then) }, people(...now), new LiveValues(new Map()));
  const target = '/people?order=email&page=2';
  expect(page(target, ['zoe', 'mia'], ['leo', 'zoe'])).toEqual([]);
  expect(page(target, ['zoe'], ['leo'])).toEqual([]);
  expect(page(target, ['zoe', 'mia', 'ida'], ['leo', 'zoe', 'ben'])).not.toEqual([]);
  expect(page('/people?page=2', ['zoe', 'mia'], ['leo', 'zoe'])).not.toEqual([]);
  expect(page('/people?order=email', ['zoe'], ['leo'])).not.toEqual([]);
});
