import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';

const uuid = (first: string) => `${first.padEnd(8, '0')}-5e2f-4a7b-9c3d-1f2e3d4c5b6a`;
/** Ids that the service made, recorded and live. */
const MADE: Record<string, [recorded: string, live: string]> = {
  a: [uuid('11'), uuid('93')],
  b: [uuid('42'), uuid('05')],
  c: [uuid('57'), uuid('31')],
  d: [uuid('07'), uuid('a4')],
};
/** One that is known to be the same. */
const chosen = uuid('20');
const links = [{ in: 'response', path: 'body.rows[].id', flow: 'f1' }] as const;

/** A run in which all of them were made, each by a write of its own. */
function made(): LiveValues {
  const values = new LiveValues(new Map(Object.entries(MADE).map(([id, [recorded]]) => [id, recorded])));
  for (const [n, [id, [recorded, live]]] of Object.entries(MADE).entries()) {
    const sketch = { n: n + 1, atUs: n * 1_000_000, method: 'POST', requestBody: { title: `thing ${id}` } };
    const answer = { produces: [{ token: id, path: 'body.id' }], ...json({ id: recorded }) };
    replayed({ ...sketch, ...answer }, json({ id: live }), values);
  }
  values.replace(chosen, chosen);
  return values;
}

const page = (...ids: string[]) => json({ rows: ids.map((id) => ({ id, key: id })) });
const found = (target: string, recorded: string[], live: string[]) =>
  differences({ n: 9, target, links: [...links], ...page(...recorded) }, page(...live), made());
const [a, b, c, d] = [MADE.a!, MADE.b!, MADE.c!, MADE.d!];

test('a page in the order of keys holds what the keys of now put there', () => {
  expect(found('/all?limit=2', [a[0], b[0]], [b[1], c[1]])).toEqual([]);
  expect(found('/all?limit=3', [a[0], chosen, b[0]], [b[1], chosen, c[1]])).toEqual([]);
});

test('names that are no keys made anew stand among them where their letters put them', () => {
  expect(found('/all?limit=3', [c[0], '_design/app', '_design/idx'], [c[1], a[1], '_design/app'])).toEqual(
    [],
  );
});

test('what belongs on the page by its key of now is not missing', () => {
  expect(found('/all?limit=2', [a[0], b[0]], [b[1], a[1]])).toEqual([]);
  expect(found('/all?limit=3', [a[0], b[0], '_design/app'], [b[1], a[1], 'zebra'])).not.toEqual([]);
  expect(found('/all?limit=2', [a[0], b[0]], [c[1], a[1]])).toEqual([]);
  expect(found('/all?limit=3', [a[0], chosen, b[0]], [b[1], c[1], a[1]])).not.toEqual([]);
});

test('one that was being written may be among what is on another page now', () => {
  const recorded = { n: 9, target: '/all?limit=3', links: [...links], ...page(b[0], c[0], 'customer') };
  const live = page(c[1], a[1], d[1]);
  expect(differences({ ...recorded, beside: ['customer'] }, live, made())).toEqual([]);
});

test('what the request names is on it', () => {
  const target = `/all?limit=2&startkey=${b[0]}`;
  expect(found(target, [b[0], c[0]], [b[1], chosen])).toEqual([]);
  expect(found(target, [b[0], c[0]], [c[1], a[1]])).not.toEqual([]);
});

test('a thing of a flow that is known as another one already is nobody else', () => {
  const compared = replayed(
    { n: 9, target: '/all', links: [...links], ...json({ rows: [{ id: a[0] }] }) },
    json({ rows: [{ id: b[1] }] }),
    made(),
  );
  expect(compared.differences).toHaveLength(1);
  const same = replayed(
    { n: 9, target: '/all', links: [...links], ...json({ rows: [{ id: a[0] }] }) },
    json({ rows: [{ id: a[1] }] }),
    made(),
  );
  expect([same.differences, same.volatile]).toEqual([[], []]);
});

test('what is on another page now is not taken for the same as before', () => {
  const values = made();
  const linked = (n: number, ids: string[]) => ({
    ...{ n, target: '/all?limit=2', links: [...links] },
    ...page(...ids),
  });
  expect(differences(linked(9, [a[0], b[0]]), page(b[1], c[1]), values)).toEqual([]);
  expect(differences(linked(10, [a[0], '_design/app']), page(a[1], '_design/app'), values)).toEqual([]);
});
