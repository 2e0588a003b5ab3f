import type { Difference, Report } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { CATALOGUE } from './catalogue.ts';
import { judgeRound, type Round, type Sown } from './judging.ts';
import { recordedTest } from './recorded.fixture.ts';
import { WIRE_FAULTS } from './wire-faults.ts';

const read = recordedTest({ target: '/things', answer: { n: 41 } });
const write = recordedTest({ method: 'PUT', target: '/things/1', endpoint: '/things/{id}', status: 204 });
const other = recordedTest({ target: '/others', answer: { n: 41, name: 'ash' } });
const all = [read, write, other];

const differs = (path: string, expected = '41', actual = '42', problem = 'value') =>
  ({ path, problem, expected, actual }) as Difference;
const report = (failures: [typeof read, Difference[]][], findings: object[] = []) =>
  ({
    findings,
    failures: failures.map(([{ id, endpoint, request }, differences]) => ({
      ...{ test: id, endpoint, method: request.method, headless: false, differences },
    })),
  }) as unknown as Report;
const answer = (body: unknown) => ({
  ...{ status: 200, headers: [['content-type', 'application/json']] as [string, string][], trailers: [] },
  body: Buffer.from(JSON.stringify(body)),
});
const sown = (name: string, place: string, target: string, rest: Partial<Sown> = {}): Sown => {
  const fault = [...CATALOGUE, ...WIRE_FAULTS].find((one) => one.name === name)!;
  const seed = { fault, place, target, touches: 1, isFollowed: name === 'lost write' };
  return { seed, touched: 1, firstUs: 50, changes: [], ...rest };
};
const judged = (one: Sown, failures: [typeof read, Difference[]][], rest: Partial<Round> = {}) =>
  judgeRound({
    ...{
      service: 's',
      name: 'faults 1',
      report: report(failures),
      sown: [one],
      tests: all,
      usual: new Map(),
    },
    ended: new Map([
      [read.id, 100],
      [write.id, 60],
      [other.id, 10],
    ]),
    ...rest,
  });

test('a fault is found by a difference of its place and leaf, not by another one', () => {
  const plus = sown('number +1', 'GET /things', 'body.n');
  expect(judged(plus, [[read, [differs('body.n')]]]).seeded[0]!.foundBy).toBe('value body.n');
  expect(judged(plus, [[read, [differs('body.m')]]]).seeded[0]!.foundBy).toBeNull();
  expect(judged(plus, [[other, [differs('body.n')]]]).seeded[0]!.foundBy).toBeNull();
});

test('a difference that unchanged replays have as well finds nothing', () => {
  const usual = new Map([[read.id, new Set(['value body.n'])]]);
  const plus = sown('number +1', 'GET /things', 'body.n');
  expect(judged(plus, [[read, [differs('body.n')]]], { usual }).seeded[0]!.foundBy).toBeNull();
});

test('a seed that changed nothing on the wire is neither found nor missed', () => {
  const none = judged(sown('number +1', 'GET /things', 'body.n', { touched: 0, firstUs: null }), []);
  expect(none.seeded).toEqual([]);
  expect(none.notPlanted).toEqual([
    { fault: 'number +1', service: 's', round: 'faults 1', place: 'GET /things', target: 'body.n' },
  ]);
  expect(none.beside).toBe(3);
});

test('a slow endpoint is found by the sentence about its latency', () => {
  const finding = { kind: 'slower', method: 'GET', endpoint: '/things', sentence: 'slower by 250 ms' };
  const slow = sown('slow', 'GET /things', 'latency');
  expect(judged(slow, [], { report: report([], [finding]) }).seeded[0]!.foundBy).toBe('slower by 250 ms');
  expect(judged(slow, [[read, [differs('status')]]]).seeded[0]!.foundBy).toBeNull();
});

test('an answer that ended too early is found by what is missing of its body, a reset by there being none', () => {
  const short = sown('content length', 'GET /things', 'no-response');
  expect(judged(short, [[read, [differs('body')]]]).seeded[0]!.foundBy).toBe('value body');
  const reset = sown('connection reset', 'GET /things', 'no-response');
  const none = differs('status', '200', 'no response', 'no-response');
  expect(judged(reset, [[read, [none]]]).seeded[0]!.foundBy).toBe('no-response status');
  expect(
    judged(sown('202 instead of 200', 'GET /things', 'status'), [[read, [none]]]).seeded[0]!.foundBy,
  ).toBeNull();
});

test('a failed test of a place without a fault is a false alarm', () => {
  const { beside, alarms } = judged(sown('number +1', 'GET /things', 'body.n'), [
    [other, [differs('body.n', '7', '8')]],
  ]);
  expect(beside).toBe(2);
  expect(alarms).toEqual(['s  GET /others  body.n  value  7 → 8']);
});

test('a difference that speaks of a value which a fault put in follows from it', () => {
  const changes = [{ before: answer({ n: 41 }), after: answer({ n: 42 }) }];
  const plus = sown('number +1', 'GET /things', 'body.n', { changes });
  const follows = judged(plus, [[other, [differs('body.n', '42', '41')]]]);
  expect(follows).toMatchObject({ beside: 1, alarms: [], follows: 1 });
  const alarm = judged(plus, [[other, [differs('body.n', '42', '41'), differs('body.name', 'ash', 'oak')]]]);
  expect(alarm).toMatchObject({ beside: 2, follows: 0 });
  expect(alarm.alarms).toHaveLength(1);
});

test('a lost write is found where it shows afterwards; what came before it counts as ever', () => {
  const lost = sown('lost write', 'PUT /things/{id}', 'later');
  const shown = judged(lost, [[read, [differs('body.n')]]]);
  expect(shown).toMatchObject({ beside: 1, alarms: [], follows: 1 });
  expect(shown.seeded[0]!.foundBy).toBe('value body.n');
  const before = judged(lost, [[other, [differs('body.n')]]]);
  expect(before.seeded[0]!.foundBy).toBeNull();
  expect(before.alarms).toHaveLength(1);
});
