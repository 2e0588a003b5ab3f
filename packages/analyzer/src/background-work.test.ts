import { describe, expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

const STEP_MS = 50;
/** So many ms after the begin of the recording. */
const iso = (ms: number) => new Date(START_US / 1000 + ms).toISOString();
const nameOf = (n: number) => `blue-lantern-${n}`;
const KINDS = ['plain', 'round', 'tall'];

interface Life {
  /** The note as it is read, made so many ms after the thing was created; null: not yet. */
  madeMs: (n: number) => number | null;
  create?: (n: number) => object;
  /** What is changed of it, one after the other. */
  changes?: (n: number) => string[];
}

/** Eight things: each is created, changed and read, 50 ms apart; a write takes 4 ms. */
function lives({ madeMs, create = () => ({}), changes = () => ['size', 'color'] }: Life): Exchange[] {
  let steps = 0;
  return Array.from({ length: 8 }, (_, n): Exchange[] => {
    const name = nameOf(n);
    const bornMs = steps * STEP_MS;
    steps += 2 + changes(n).length;
    const made = madeMs(n);
    const note = made === null ? {} : { audit: { by: 'system', at: iso(bornMs + made) } };
    return [
      { request: 'POST /things', body: { name, ...create(n) }, status: 201, answer: { name } },
      ...changes(n).map(
        (what): Exchange => ({ request: `PUT /things/${name}/${what}`, body: { [what]: n }, answer: {} }),
      ),
      { request: `GET /things/${name}`, answer: { name, createdAt: iso(bornMs + 2), ...note } },
    ];
  }).flat();
}

function optional(exchanges: Exchange[]): string[] {
  const { tests } = analyze(record(exchanges));
  return [
    ...new Set(tests.flatMap((one) => (one.optional ?? []).map(({ path }) => `${one.endpoint} ${path}`))),
  ].sort();
}

const NOTE = ['/things/{id} body.audit', '/things/{id} body.audit.at'];

describe('what a service makes by itself may be there or not', () => {
  test('when its times lie outside of the writes', () => {
    expect(optional(lives({ madeMs: (n) => 20 + n * 11 }))).toEqual(NOTE);
  });

  test('when its times lie now in one write, now in another, and not in the last that could have set it', () => {
    expect(optional(lives({ madeMs: (n) => [1, STEP_MS + 1, 2 * STEP_MS + 1][n % 3]! }))).toEqual(NOTE);
  });

  test('when of things that were made alike only some have it', () => {
    expect(optional(lives({ madeMs: (n) => (n % 4 === 1 ? 1 : null) }))).toEqual(NOTE);
  });

  test('also where the same things are shown without it', () => {
    const list: Exchange = {
      request: 'GET /things',
      answer: { items: [1, 2, 3].map((n) => ({ name: nameOf(n), size: n })) },
    };
    expect(optional([...lives({ madeMs: (n) => 20 + n * 11 }), list])).toEqual([
      '/things body.items[].audit',
      ...NOTE,
    ]);
  });

  test('when only lists show it, and a job did it to several at once, while somebody wrote another one', () => {
    const made = lives({ madeMs: () => null, changes: () => [] }).filter(({ request }) =>
      request.startsWith('POST'),
    );
    const at = iso(7 * STEP_MS + 1);
    const items = made.map((_, n) => ({
      name: nameOf(n),
      ...(n < 6 ? { audit: { by: 'system', at } } : {}),
    }));
    const born: Exchange[] = [0, 1, 2].map((n) => ({
      request: `GET /things/${nameOf(n)}`,
      answer: { name: nameOf(n), createdAt: iso(n * STEP_MS + 2) },
    }));
    const listed = [...made, ...born, { request: 'GET /things', answer: { items } }];
    expect(optional(listed)).toContain('/things body.items[].audit');
  });

  test('and its time is a timestamp', () => {
    const { tests } = analyze(record(lives({ madeMs: (n) => 20 + n * 11 })));
    expect(tests.at(-1)!.volatile.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      'body.audit.at timestamp',
    ]);
  });
});

describe('what requests make is', () => {
  test('what one write sets', () => {
    expect(optional(lives({ madeMs: () => STEP_MS + 1 }))).toEqual([]);
  });

  test('what the last of several writes sets', () => {
    expect(optional(lives({ madeMs: () => 2 * STEP_MS + 2 }))).toEqual([]);
  });

  test('what the last of writes of several sorts sets', () => {
    const changes = (n: number) => (n % 2 === 0 ? ['size', 'color'] : ['color', 'size']);
    expect(optional(lives({ changes, madeMs: () => 2 * STEP_MS + 1 }))).toEqual([]);
  });

  test('what a write sets and does not set again', () => {
    const changes = () => ['size', 'size', 'color'];
    expect(optional(lives({ changes, madeMs: () => STEP_MS + 1 }))).toEqual([]);
  });

  test('what a request asked for', () => {
    const create = (n: number) => ({ kind: KINDS[n % 3] });
    expect(optional(lives({ create, madeMs: (n) => (n % 3 === 1 ? 1 : null) }))).toEqual([]);
  });

  test('what comes from a certain number on', () => {
    const create = (n: number) => ({ weight: (n * 37) % 80 });
    expect(optional(lives({ create, madeMs: (n) => ((n * 37) % 80 > 40 ? 1 : null) }))).toEqual([]);
  });

  test('a thing with a name of its own that is shown inside another', () => {
    const exchanges = lives({ madeMs: (n) => 20 + n * 11 }).map((one) =>
      JSON.parse(JSON.stringify(one).replaceAll('"by":"system"', '"name":"system"')),
    );
    expect(optional(exchanges)).toEqual([]);
  });
});
