import { describe, expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import type { AnswerSketch, TestSketch } from './test.fixture.ts';

const A = '2c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';
const C = '0e9d44a1-52a0-4d5c-9a55-1f0f0e8f9d12';
const D = 'f1b7c6de-1a2b-4c3d-8e4f-5a6b7c8d9e0f';

describe('a fault that only earlier answers show is found:', () => {
  const flow = 'f1';
  const created = { method: 'POST', links: [{ in: 'response' as const, path: 'body.id', flow }] };

  /** Values after answers in which `recorded` became `live`. */
  function after(...answers: [recorded: TestSketch, live: AnswerSketch][]): LiveValues {
    const values = new LiveValues(new Map([['t1', A]]));
    for (const [i, [recorded, live]] of answers.entries())
      expect(replayed({ n: i + 1, ...recorded }, live, values).differences).toEqual([]);
    return values;
  }

  test('another user’s data by a uuid', () => {
    const values = after([json({ id: A }), json({ id: B })], [json({ id: C }), json({ id: D })]);
    expect(differences(json({ owner: A }), json({ owner: B }), values)).toEqual([]);
    expect(differences(json({ owner: A }), json({ owner: D }), values)).toEqual(['body.owner value']);
  });

  test('a uuid that stands for two', () => {
    const values = after([json({ id: A }), json({ id: B })]);
    expect(differences(json({ id: C }), json({ id: B }), values)).toEqual(['body.id value']);
    expect(
      differences(
        json({ a: C, b: D }),
        json({ a: '9c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d', b: '9c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d' }),
        values,
      ),
    ).toEqual(['body.b value']);
  });

  test('another user’s data by a serial id', () => {
    const values = after(
      [{ ...created, ...json({ id: 17 }) }, json({ id: 18 })],
      [{ ...created, ...json({ id: 16 }) }, json({ id: 17 })],
    );
    const read = { links: created.links };
    expect(differences({ ...read, ...json({ id: 17 }) }, json({ id: 18 }), values)).toEqual([]);
    expect(differences({ ...read, ...json({ id: 17 }) }, json({ id: 19 }), values)).toEqual([
      'body.id value',
    ]);
    expect(differences({ ...read, ...json({ id: 17 }) }, json({ id: 17 }), values)).toEqual([
      'body.id value',
    ]);
  });

  test('a serial id that stands for two', () => {
    const values = after([{ ...created, ...json({ id: 17 }) }, json({ id: 18 })]);
    expect(differences({ links: created.links, ...json({ id: 4 }) }, json({ id: 18 }), values)).toEqual([
      'body.id value',
    ]);
  });

  test('another entity than the request named', () => {
    const links = [{ in: 'request' as const, path: 'path[1]', flow }, ...created.links];
    expect(
      differences(
        { target: '/things/4', links, ...json({ id: 4 }) },
        json({ id: 5 }),
        new LiveValues(new Map()),
      ),
    ).toEqual(['body.id value']);
  });

  test('a token’s value that was handed out otherwise', () => {
    const values = after([
      { ...json({ id: A }), produces: [{ token: 't1', path: 'body.id' }] },
      json({ id: B }),
    ]);
    expect(differences(json({ self: `/orders/${A}` }), json({ self: `/orders/${C}` }), values)).toEqual([
      'body.self value',
    ]);
  });

  test('a value that should have changed', () => {
    const [was, is] = [iso(2), iso(SHIFT_MS + 2)];
    const values = after([json({ updatedAt: was }), json({ updatedAt: is })]);
    const later = { ...json({ updatedAt: iso(700) }), atUs: 698_000 };
    expect(differences(later, json({ updatedAt: iso(SHIFT_MS + 700) }), values)).toEqual([]);
    expect(differences(later, json({ updatedAt: is }), values)).toEqual(['body.updatedAt value']);
  });

  test('a value that should not have changed', () => {
    const values = after([json({ createdAt: iso(2) }), json({ createdAt: iso(SHIFT_MS + 2) })]);
    const later = { ...json({ createdAt: iso(2) }), atUs: 600_000 };
    expect(differences(later, json({ createdAt: iso(SHIFT_MS + 602) }), values)).toEqual([
      'body.createdAt value',
    ]);
  });

  test('another value where it was seen to vary, when this one is known', () => {
    const values = after([json({ cluster: A }), json({ cluster: A })]);
    const volatile = [{ path: 'body.cluster', kind: 'uuid' as const, why: '' }];
    expect(differences({ ...json({ cluster: A }), volatile }, json({ cluster: B }), values)).toEqual([
      'body.cluster value',
    ]);
  });

  test('another name than the request gave', () => {
    const sent = {
      method: 'POST',
      requestBody: { name: 'model-5a2c20x7' },
      ...json({ name: 'model-5a2c20x7' }),
    };
    expect(differences(sent, json({ name: 'model-9d4f17q3' }), new LiveValues(new Map()))).toEqual([
      'body.name value',
    ]);
  });

  test('a time that clients send back, written otherwise', () => {
    const [was, is] = [iso(2), iso(SHIFT_MS + 2)];
    const produced = { ...json({ at: was }), produces: [{ token: 't1', path: 'body.at' }] };
    const values = new LiveValues(new Map([['t1', was]]));
    replayed(produced, json({ at: is }), values);
    const later = { ...json({ at: was }), atUs: 600_000 };
    expect(differences(later, json({ at: iso(SHIFT_MS + 5) }), values)).toEqual([]);
    for (const other of [is.replace('Z', ''), is.replace('Z', '+00:00'), is.slice(0, 10)])
      expect(differences(later, json({ at: other }), values)).toEqual(['body.at value']);
  });

  test('a token that is handed out as two', () => {
    const produced = { ...json({ id: A, self: `/o/${A}` }), produces: [{ token: 't1', path: 'body.id' }] };
    const values = new LiveValues(new Map([['t1', A]]));
    expect(differences(produced, json({ id: B, self: `/o/${C}` }), values)).toEqual(['body.self value']);
  });

  test('a token that is handed out with a blank behind it', () => {
    const produced = { ...json({ id: A }), produces: [{ token: 't1', path: 'body.id' }] };
    const values = new LiveValues(new Map([['t1', A]]));
    expect(differences(produced, json({ id: `${B} ` }), values)).toEqual(['body.id value']);
  });

  test('a key of a flow that is cut', () => {
    const key = { ...created, ...json({ id: 'pbc_484305853' }) };
    const cut = differences(key, json({ id: 'pbc_484305' }), new LiveValues(new Map()));
    expect(cut).toEqual(['body.id value']);
    const counted = { ...created, ...json({ id: 'order-9' }) };
    expect(differences(counted, json({ id: 'order-98' }), new LiveValues(new Map()))).toEqual([]);
  });

  test('another serial id where none was another so far, but not a swapped one', () => {
    const values = after([{ ...created, ...json({ id: 17 }) }, json({ id: 17 })]);
    const links = [
      { in: 'request' as const, path: 'path[1]', flow },
      { in: 'response' as const, path: 'body.a', flow },
      { in: 'response' as const, path: 'body.b', flow },
    ];
    const read = (a: number, b: number) => ({ target: '/things/17', links, ...json({ a, b }) });
    expect(differences(read(4, 5), read(4, 9), values)).toEqual(['body.b value']);
    expect(differences(read(6, 7), read(7, 6), values)).toEqual([]);
  });
});
