import { expect, test } from 'vitest';
import { ReadBack } from './read-back.ts';

interface Step {
  operation: string;
  isWrite: boolean;
  names: string[];
  answer: Record<string, string | number>;
  client?: string;
}

const pull = (size: number, more: Record<string, string | number> = {}) => ({
  ...{ 'body.id': 5, 'body.title': 'fix it', 'body.state': 'open', 'body.author': 'ann' },
  ...{ 'body.repo.id': 3, 'body.repo.name': 'team-forge', 'body.repo.size': size },
  ...more,
});
const push: Step = { operation: 'push', isWrite: true, names: ['team-forge'], answer: { 'body.sha': 'x' } };
const open = (answer: Step['answer']): Step => ({ ...push, operation: 'open', answer });
const look = (answer: Step['answer']): Step => ({ ...push, operation: 'look', isWrite: false, answer });

/** What is told behind the last of these, 50 ms after each other. */
function told(steps: Step[]) {
  const readBack = new ReadBack();
  return steps
    .map(({ client = 'ann', operation, isWrite, names, answer }, n) =>
      readBack.observe({
        ...{ client, operation, isWrite, fromUs: n * 50_000, toUs: n * 50_000 + 4_000 },
        asked: names.map((value, i) => ({ path: `path[${i}]`, value })),
        leaves: new Map(Object.entries(answer)),
      }),
    )
    .at(-1);
}

test('an answer to a write may show what the write before did to another thing, as the next read does', () => {
  const late = { operation: 'open', paths: ['body.repo.size'] };
  expect(told([push, open(pull(27)), look(pull(28))])).toEqual(late);
});

test('what was written at length is no name, and takes the room of none', () => {
  const texts = Array.from({ length: 40 }, (_, n) => `${n} ${'long '.repeat(50)}`);
  const late = { operation: 'open', paths: ['body.repo.size'] };
  const longPush = { ...push, names: [...texts, 'team-forge'] };
  expect(told([longPush, open(pull(27)), look(pull(28))])).toEqual(late);
});

test.each<[string, Step[]]>([
  ['without a write before', [open(pull(27)), look(pull(28))]],
  ['behind a write to something else', [{ ...push, names: ['photo'] }, open(pull(27)), look(pull(28))]],
  ['of the thing itself', [push, open(pull(27, { 'body.stars': 1 })), look(pull(27, { 'body.stars': 2 }))]],
  [
    'of what has another name',
    [push, open(pull(27, { 'body.repo.name': 'other' })), look(pull(28, { 'body.repo.name': 'other' }))],
  ],
  ['that went down', [push, open(pull(28)), look(pull(27))]],
  ['that a request said', [{ ...push, names: ['team-forge', '28'] }, open(pull(27)), look(pull(28))]],
  [
    'when another client wrote to it as well',
    [push, open(pull(27)), { ...push, client: 'bob' }, look(pull(28))],
  ],
])('not %s', (_which, steps) => {
  expect(told(steps)).toBeNull();
});
