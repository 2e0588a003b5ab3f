import { TAG } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { buildReport } from './build-report.ts';
import { answerTo, inputOf, makeTest, outboundDuring, runOf } from './report.fixture.ts';

const made = makeTest();
const chains = {
  token: { found: 1, missed: 0 },
  'a.idle': { found: 0, missed: 7 },
  unasked: { found: 0, missed: 0 },
};
const report = (change: object, said: string[] = []) =>
  buildReport(
    inputOf([made], [answerTo(made)], {
      run: runOf(1, { chains, ...change }),
      mockResults: said.map((ids) => outboundDuring(made, { [TAG.match]: 'exact', [TAG.chains]: ids })),
      mode: 'full',
    }),
  );

test('a chain that never found what it works on is named, of generator and responder', () => {
  const { notes, chains: counted, verdict } = report({}, ['eur,!gone', '!gone', '!eur']);
  expect(verdict).toBe('passed');
  expect(counted).toEqual({ ...chains, eur: { found: 1, missed: 1 }, gone: { found: 0, missed: 2 } });
  expect(notes).toEqual([
    'The chain a.idle found nothing to work on in any of 7 messages: look at its extractor, or switch it off.',
    'The chain unasked had nothing to do: its condition held for no message.',
    'The chain gone found nothing to work on in any of 2 messages: look at its extractor, or switch it off.',
  ]);
});

test('a run that sent nothing blames no chain, and one without chains says nothing of them', () => {
  expect(report({ sent: 0 }).notes!.join()).not.toContain('chain');
  const without = report({ chains: undefined });
  expect(without.notes).toEqual([]);
  expect(without).not.toHaveProperty('chains');
});

test('of many the first are named', () => {
  const many = Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`c${i}`, { found: 0, missed: 1 }]));
  const { notes } = report({ chains: many });
  expect(notes).toHaveLength(11);
  expect(notes!.at(-1)).toBe('3 more chains found nothing to work on.');
});
