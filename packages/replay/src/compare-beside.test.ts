import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';

const things = (...all: [id: string, state: string][]) =>
  json({ things: all.map(([id, state]) => ({ id, state })) });
const found = (recorded: object, live: object) => differences(recorded, live, new LiveValues(new Map()));

test('what another request was just writing may be as it was before, or after, and nothing else may', () => {
  const recorded = { ...things(['a', 'open'], ['b', 'open']), beside: ['b'] };
  const live = things(['a', 'open'], ['b', 'done']);
  expect(replayed(recorded, live, new LiveValues(new Map()))).toMatchObject({
    differences: [],
    leaves: { kind: 2 },
  });
  expect(found(things(['a', 'open'], ['b', 'open']), live)).toEqual(['body.things[1].state value']);
  expect(found(recorded, things(['a', 'done'], ['b', 'open']))).toEqual(['body.things[0].state value']);
});

test('what another request was just deleting may be gone', () => {
  const recorded = { ...things(['a', 'open'], ['b', 'open']), beside: ['b'] };
  expect(found(recorded, things(['a', 'open']))).toEqual([]);
  expect(found({ ...recorded, beside: ['a'] }, things(['a', 'open']))).toEqual(['body.things[1] missing']);
});

test('a write’s own answer, and another field than an id, are compared as ever', () => {
  const live = things(['b', 'done']);
  expect(found({ ...things(['b', 'open']), beside: ['b'], method: 'PUT' }, live)).toHaveLength(1);
  expect(found({ ...things(['a', 'open']), beside: ['open'] }, things(['a', 'done']))).toHaveLength(1);
});

test('the id of a call is that of no thing', () => {
  const call = { method: 'POST', requestBody: { jsonrpc: '2.0', id: 42, method: 'orders.get' } };
  const answer = (state: string) => json({ jsonrpc: '2.0', id: 42, result: { state } });
  expect(found({ ...answer('open'), ...call, beside: ['42'] }, answer('done'))).toEqual([
    'body.result.state value',
  ]);
});

const linked = (...all: [id: number, state: string][]) =>
  json({
    things: all.map(([id, state]) => ({
      state,
      _links: { self: { href: `http://a.example/api/things/${id}{?view}` } },
    })),
  });

test('a thing without an id is told by the address that it gives of itself', () => {
  const live = linked([1, 'open'], [2, 'done']);
  expect(found({ ...linked([1, 'open'], [2, 'open']), beside: ['/api/things/2'] }, live)).toEqual([]);
  expect(found({ ...linked([1, 'open']), beside: ['/api/things/2'] }, live)).toEqual([]);
  expect(found({ ...linked([1, 'open'], [2, 'open']), beside: ['/api/things/3'] }, live)).toHaveLength(1);
});

test('parts of what was being written are made with it, and count', () => {
  const list = (total: number, ...names: string[]) =>
    json({ total, things: names.map((name) => ({ name })) });
  const recorded = { ...list(5, 'nightly-42', 'nightly-42-first', 'weekly'), beside: ['nightly-42'] };
  expect(found(recorded, list(2, 'weekly'))).toEqual([]);
  expect(found({ ...list(2, 'weekly'), beside: ['nightly-42'] }, recorded)).toEqual([]);
  expect(found({ ...recorded, beside: ['weekly'] }, list(2, 'weekly'))).not.toEqual([]);
  expect(found(recorded, list(0, 'weekly'))).toEqual(['body.total value']);
  const others = list(5, 'nightly-421', 'weekly');
  expect(found({ ...others, beside: ['nightly-42'] }, list(2, 'weekly'))).toHaveLength(2);
});

test.each(['update_seq', 'lastSeq', 'seq'])('%s of a store counts what was written, and no more', (name) => {
  const at = (seq: number) => json({ name: 'orders', [name]: seq });
  expect(found({ ...at(17), beside: ['b'] }, at(18))).toEqual([]);
  expect(found({ ...at(17), beside: ['b'] }, at(19))).toEqual([`body.${name} value`]);
  expect(found(at(17), at(18))).toEqual([`body.${name} value`]);
});

test('a list that stands there only when it holds something may come with what was being written', () => {
  const none = json({ page: { number: 0 } });
  const some = (...ids: string[]) =>
    json({ page: { number: 0 }, _embedded: { tasks: ids.map((id) => ({ id, state: 'open' })) } });
  expect(found({ ...none, beside: ['b'] }, some('b'))).toEqual([]);
  expect(found({ ...some('b'), beside: ['b'] }, none)).toEqual([]);
  expect(found({ ...none, beside: ['b'] }, some('b', 'c'))).toEqual(['body._embedded unexpected']);
  expect(found(none, some('b'))).toEqual(['body._embedded unexpected']);
});

test('a header counts them too, also in the answer of a write', () => {
  const at = (serial: number) => ({
    ...json({ ok: true }),
    headers: [['X-Store-Serial', String(serial)]] as [string, string][],
  });
  const write = { ...at(17), method: 'PUT', beside: ['b'] };
  expect(found(write, at(16))).toEqual([]);
  expect(found(write, at(14))).toEqual(['header.x-store-serial value']);
});

test('a count that is called as the collection counts what was made of it, and no more', () => {
  const recorded = { ...json({ pets: 8, owners: 3 }), beside: ['Basil', '/api/pets/9'] };
  expect(found(recorded, json({ pets: 9, owners: 3 }))).toEqual([]);
  expect(found(recorded, json({ pets: 10, owners: 3 }))).toEqual(['body.pets value']);
  expect(found(recorded, json({ pets: 8, owners: 4 }))).toEqual(['body.owners value']);
});

test('a number by which a thing names another one is not its own', () => {
  const post = (state: string) => json({ posts: [{ id: 7, tag_id: 3, state }] });
  expect(found({ ...post('open'), beside: ['7'] }, post('done'))).toEqual([]);
  expect(found({ ...post('open'), beside: ['3'] }, post('done'))).toEqual(['body.posts[0].state value']);
  const only = (state: string) => json({ posts: [{ tag_id: 3, state }] });
  expect(found({ ...only('open'), beside: ['3'] }, only('done'))).toEqual([]);
});

test('a thing whose id is another one now is the one that was being written', () => {
  const [was, is] = ['6ca2481b-f430-4490-bc27-ab8767a4f906', '3a0dc328-03ed-4b3c-8bec-95f26936a87a'];
  const made = { method: 'POST', produces: [{ token: 'doc', path: 'body.id' }], ...json({ id: was }) };
  const among = (beside: string[], id: string) => {
    const values = new LiveValues(new Map([['doc', was]]));
    replayed(made, json({ id: is }), values);
    const recorded = { n: 2, ...things(['a', 'open'], ['c', 'open']), beside };
    return differences(recorded, things(['a', 'open'], [id, 'new'], ['c', 'open']), values);
  };
  expect(among([was], is)).toEqual([]);
  expect(among([was], 'd')).toEqual(['body.things[1] unexpected']);
  expect(among(['b'], is)).toEqual(['body.things[1] unexpected']);
});
