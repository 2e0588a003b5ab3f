// What equal requests with different answers teach, and what they do not.
import { describe, expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, uuidOf } from './exchanges.fixture.ts';

const read = (request: string, answers: readonly unknown[]): Exchange[] =>
  answers.map((answer): Exchange => ({ request, answer }));

function learned(exchanges: Exchange[]) {
  const [first] = analyze(record(exchanges)).tests;
  return {
    volatile: first!.volatile.map(({ path, kind }) => `${path} ${kind}`),
    unordered: first!.unordered,
  };
}

describe('a leaf that differs between equal reads is volatile', () => {
  test('a measurement, a time, a uuid, a text', () => {
    const health = (n: number) => ({
      ...{ uptime: 12.5 + n * 3, now: `2027-01-15T08:00:0${n}.000Z`, request: uuidOf(`r${n}`), ok: true },
      ...{ host: ['red', 'green', 'blue', 'red'][n], took: `${n * 7} ms`, version: '1.4' },
    });
    expect(learned(read('GET /health', [0, 1, 2, 3].map(health))).volatile).toEqual([
      'body.uptime measure',
      'body.now timestamp',
      'body.request uuid',
      'body.host text',
      'body.took measure',
    ]);
  });

  test('and says why', () => {
    const [first] = analyze(record(read('GET /load', [{ load: 0.4 }, { load: 0.7 }, { load: 0.7 }]))).tests;
    expect(first!.volatile[0]!.why).toBe('differs in 1 of 2 equal requests with no write between them');
  });

  test('not when something was written in between', () => {
    const write: Exchange = { request: 'POST /carts', body: { n: 1 }, status: 201, answer: {} };
    const total = (n: number) => read('GET /cart', [{ total: n * 7.5 }]);
    expect(learned([...total(1), write, ...total(2), write, ...total(3)]).volatile).toEqual([]);
  });

  test('not for another user', () => {
    const asked = (user: string, total: number): Exchange => ({
      ...{ request: 'GET /cart', headers: [['Authorization', `Bearer ${user}`]], answer: { total } },
    });
    expect(learned([asked('ann', 5.5), asked('bob', 7.5), asked('ann', 5.5)]).volatile).toEqual([]);
  });

  test('not what each reading counts up, nor a cache that missed and then hit', () => {
    expect(
      learned(
        read(
          'GET /page',
          [1, 2, 3].map((views) => ({ views })),
        ),
      ).volatile,
    ).toEqual([]);
    const cached = ['MISS', 'HIT', 'HIT'].map(
      (state): Exchange => ({ request: 'GET /page', answer: {}, answerHeaders: [['X-Cache', state]] }),
    );
    expect(learned(cached).volatile).toEqual([]);
  });
});

test('an array whose elements come in another order has none; one that changed has', () => {
  const tags = (...names: string[]) => ({ tags: names.map((name) => ({ name })), sizes: [1, 2] });
  expect(learned(read('GET /tea', [tags('a', 'b', 'c'), tags('c', 'a', 'b')]))).toEqual({
    volatile: [],
    unordered: ['body.tags'],
  });
  expect(learned(read('GET /tea', [tags('a', 'b'), tags('b', 'd')])).unordered).toBe(undefined);
});

test('headers that measure are volatile for every operation, those that tell something are not', () => {
  const timed = [0.41, 1.2, 0.77, 3.01, 0.56, 2.2].map(
    (ms, n): Exchange => ({
      ...{ request: `GET /items/${n + 1}`, answer: { n } },
      answerHeaders: [
        ['X-Response-Time', `${ms}ms`],
        ['X-Total-Count', String(n + 3)],
      ],
    }),
  );
  expect(learned(timed).volatile).toEqual(['header.x-response-time measure']);
});

test('times that clients make up are told, those they repeat are not', () => {
  const calls = [0, 1, 2].map((n): Exchange => {
    const now = new Date(1_800_000_000_000 + n * 50).toISOString();
    return {
      request: 'POST /events',
      body: { at: now, due: '2027-06-01T00:00:00Z', sentMs: 1_800_000_000_000 + n * 50 },
      status: 201,
    };
  });
  expect(analyze(record(calls)).clientTimes.map(({ path, count }) => [path, count])).toEqual([
    ['body.at', 3],
    ['body.sentMs', 3],
  ]);
});
