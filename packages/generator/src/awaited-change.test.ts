import type { Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { AwaitedChanges, hasChanged } from './awaited-change.ts';
import { jsonAnswer, newTest } from './generator-stage.ts';

const QUEUED = { state: 'queued', endedAt: null, tookMs: null };
const doneAt = (second: number, tookMs: number) => ({
  state: 'done',
  endedAt: `2026-11-04T10:00:0${second}.250Z`,
  tookMs,
});
const SETTLING = ['state', 'endedAt', 'tookMs'].map((key) => ({ path: `body.${key}`, later: [] }));
const asking = (target: string, answer: object, rest: Partial<Test> = {}) =>
  newTest('a', { target }, { response: jsonAnswer(answer), endpoint: '/jobs/{id}', ...rest });

/** What a read waits for after a client has asked for a job, and again, until it was done. */
function awaitedBy(last: Test) {
  const changes = new AwaitedChanges();
  expect(changes.of(asking('/jobs/1', QUEUED, { settling: SETTLING }))).toBeNull();
  return changes.of(last);
}

test('a state is awaited as it was; a time, and a number where there was none, as any other', () => {
  const awaited = awaitedBy(asking('/jobs/1', doneAt(1, 900)))!;
  const { response } = asking('/jobs/1', doneAt(1, 900));
  const isOver = (live: object) => hasChanged(awaited, response, jsonAnswer(live));
  expect(isOver(QUEUED)).toBe(false);
  expect(isOver({ ...doneAt(4, 1_250), state: 'running' })).toBe(false);
  expect(isOver({ ...doneAt(4, 1_250), tookMs: null })).toBe(false);
  expect(isOver(doneAt(4, 1_250))).toBe(true);
});

test('a job that was done when it was first asked for is awaited, too', () => {
  const later = asking('/jobs/2', doneAt(3, 20));
  const awaited = awaitedBy(later)!;
  expect(hasChanged(awaited, later.response, jsonAnswer(QUEUED))).toBe(false);
  expect(hasChanged(awaited, later.response, jsonAnswer(doneAt(5, 70)))).toBe(true);
});

test('one that was never done is not, nor is what another endpoint answers', () => {
  expect(awaitedBy(asking('/jobs/2', QUEUED))).toBeNull();
  expect(awaitedBy(asking('/people/2', doneAt(3, 20), { endpoint: '/people/{id}' }))).toBeNull();
});

test('a write that was refused first is sent until it is taken, or refused otherwise', () => {
  const merging = newTest('a', { method: 'POST', target: '/jobs/1/merge' }, { insists: [405, 409] });
  const awaited = new AwaitedChanges().of(merging)!;
  const isOver = (status: number) => hasChanged(awaited, merging.response, { ...jsonAnswer({}), status });
  expect([405, 409, 200, 500, 404].map(isOver)).toEqual([false, false, true, true, true]);
});

test('a read that came before any that was asked for again waits, too, as its recording says', () => {
  const awaits = [{ path: 'body.state', until: ['queued', null] }];
  const first = asking('/jobs/1', doneAt(1, 900), { awaits });
  const awaited = new AwaitedChanges().of(first)!;
  const isOver = (live: object) => hasChanged(awaited, first.response, jsonAnswer(live));
  expect([QUEUED, { state: null }, doneAt(3, 20)].map(isOver)).toEqual([false, false, true]);
  expect(new AwaitedChanges().of(asking('/jobs/1', QUEUED, { awaits }))).toBeNull();
});

test('for what only lags nothing is sent again', () => {
  const changes = new AwaitedChanges();
  const make = (rest: Partial<Test>) =>
    newTest('a', { method: 'POST', target: '/jobs' }, { response: jsonAnswer(doneAt(1, 900)), ...rest });
  expect(
    changes.of(make({ settling: SETTLING.map((leaf) => ({ ...leaf, lags: true as const })) })),
  ).toBeNull();
  expect(changes.of(make({ response: jsonAnswer(doneAt(2, 40)) }))).toBeNull();
});
