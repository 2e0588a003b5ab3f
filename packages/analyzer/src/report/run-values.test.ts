import { createHash } from 'node:crypto';
import { runName, type StreamMessage, TAG, type Test } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { buildReport } from './build-report.ts';
import { answerTo, inputOf, makeTest } from './report.fixture.ts';

test('what the server said on a WebSocket is compared, message by message', () => {
  const said = (text: string): StreamMessage => ({
    ...{ from: 'server', kind: 'text', offsetUs: 0, size: text.length, text },
  });
  const talk = makeTest({ status: 101, messages: [said('one'), said('two')], protocol: 'websocket' });
  const live = (...texts: string[]) => ({ ...answerTo(talk), messages: texts.map(said) });
  const held = buildReport(inputOf([talk], [live('one', 'two')]));
  expect(held.verdict).toBe('passed');
  // Those of the upgrade, and a text for each message.
  const upgrade = buildReport(inputOf([talk], [{ ...live() }])).leaves!;
  expect(held.leaves!.strict - upgrade.strict).toBe(2);
  const [other] = buildReport(inputOf([talk], [live('one', 'three')])).failures;
  expect(other!.differences).toMatchObject([
    { path: 'messages[1].body', expected: '"two"', actual: '"three"' },
  ]);
  const [cut] = buildReport(inputOf([talk], [live('one')])).failures;
  expect(cut!.differences).toMatchObject([{ path: 'messages[1]', problem: 'missing' }]);
});

test('requests amid a conversation carry what it has handed out', () => {
  const [was, is, other] = ['was', 'is', 'other'].map((seed) =>
    createHash('sha256').update(seed).digest('hex').slice(0, 32),
  );
  const said = (note?: string): StreamMessage => ({
    ...{ from: 'server', kind: 'text', offsetUs: 0, size: 50, json: { note: note! } },
  });
  const talk = makeTest({
    ...{ status: 101, messages: [said(was)], protocol: 'websocket' },
    produces: [{ token: 'n', path: 'messages[0].body.note' }],
  });
  const read = makeTest({ target: `/notes/${was}`, answer: { note: was }, consumes: ['n'] });
  const live = (note?: string) => [
    { ...answerTo(talk, { durationUs: 1_000_000 }), messages: [said(is)] },
    answerTo(read, { target: `/notes/${is}`, answer: { note } }),
  ];
  expect(buildReport(inputOf([talk, read], live(is))).verdict).toBe('passed');
  expect(buildReport(inputOf([talk, read], live(other))).failures).toMatchObject([
    { differences: [{ path: 'body.note' }] },
  ]);
});

describe('a session that runs several times', () => {
  const key = (seed: string) => createHash('sha256').update(seed).digest('hex').slice(0, 32);
  const made = makeTest({
    ...{ method: 'POST', target: '/keys', endpoint: '/keys', answer: { key: key('recorded') } },
    produces: [{ token: 'k', path: 'body.key' }],
  });
  const used = makeTest({
    target: '/used',
    endpoint: '/used',
    answer: { by: key('recorded') },
    consumes: ['k'],
  });
  const run = (name: string, given: string, shown: string) =>
    [answerTo(made, { answer: { key: key(given) } }), answerTo(used, { answer: { by: key(shown) } })].map(
      (pair) => ({
        ...pair,
        tags: { ...pair.tags, [TAG.session]: name },
      }),
    );
  const failed = (...runs: ReturnType<typeof run>[]) =>
    buildReport(inputOf([made, used], runs.flat())).counts.failed;

  test('knows its own values each time', () => {
    expect(failed(run('s1/1', 'a', 'a'), run('s1/2', 'b', 'b'))).toBe(0);
  });

  test('is not given those of another run', () => {
    expect(failed(run('s1/1', 'a', 'a'), run('s1/2', 'b', 'a'))).toBe(1);
  });

  const round = (user: number, number: number, given: string, shown: string) =>
    run(`${made.session}${runName(user, number)}`, given, shown);

  /** What the failures show: the report says what was recorded beside it. */
  const shownBy = (tests: readonly Test[], results: Parameters<typeof inputOf>[1]) =>
    buildReport(inputOf(tests, results)).failures.map(({ differences }) => differences[0]!.actual);

  test('in another round of a load is expected to have the value of that round', () => {
    const results = [...round(7, 0, 'a', 'a'), ...round(3, 1, 'b', 'a'), ...round(3, 2, 'c', 'c')];
    expect(shownBy([made, used], results)).toEqual([`"${key('a')}"`]);
  });

  test('knows what another session was given in the same round, not in the one before', () => {
    const reader = { ...used, session: 'reader' };
    const [firstMade] = round(0, 0, 'a', 'a');
    const [secondMade] = round(1, 1, 'b', 'b');
    const read = (user: number, number: number, shown: string) => ({
      ...answerTo(reader, { answer: { by: key(shown) } }),
      tags: { ...answerTo(reader).tags, [TAG.session]: `reader${runName(user, number)}` },
    });
    const results = [firstMade!, read(2, 0, 'a'), secondMade!, read(2, 1, 'a'), read(5, 1, 'b')];
    expect(shownBy([made, reader], results)).toEqual([`"${key('a')}"`]);
  });
});
