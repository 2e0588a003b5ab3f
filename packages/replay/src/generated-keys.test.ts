// Objects keyed by generated ids, against the answer of another life of the service.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';

const [one, two, three] = [1, 2, 3].map((n) => `6cece537-334f-4028-8f04-8eca3107925${n}`) as [
  string,
  string,
  string,
];
const [live1, live2] = [1, 2].map((n) => `9b0be1a7-77de-4d1c-a1c7-5fd0d6b2e10${n}`) as [string, string];

function known(...pairs: [string, string][]): LiveValues {
  const values = new LiveValues(new Map());
  for (const [recorded, live] of pairs) values.replace(recorded, live);
  return values;
}

test('a known key has its counterpart, with its own value', () => {
  const values = known([one, live1], [two, live2]);
  expect(differences({ body: { [one]: 2, [two]: 5 } }, { body: { [live2]: 5, [live1]: 2 } }, values)).toEqual(
    [],
  );
  expect(differences({ body: { [one]: 2, [two]: 5 } }, { body: { [live1]: 5, [live2]: 2 } }, values)).toEqual(
    [`body["${one}"] value`, `body["${two}"] value`],
  );
});

test('the only new key stands for the only one that is gone', () => {
  expect(differences({ body: { [one]: 2, total: 1 } }, { body: { [live1]: 2, total: 1 } }, known())).toEqual(
    [],
  );
});

test('not for one that has another counterpart, nor one of two, nor a word', () => {
  const gone = (body: object, live: object, values = known()) =>
    differences({ body }, { body: live }, values);
  expect(gone({ [one]: 2 }, { [live2]: 2 }, known([one, live1]))).toHaveLength(2);
  expect(gone({ [one]: 2 }, { [live2]: 2 }, known([three, live2]))).toHaveLength(2);
  expect(gone({ [one]: 2, [two]: 2 }, { [live1]: 2 })).toHaveLength(3);
  expect(gone({ colour: 2 }, { color: 2 })).toHaveLength(2);
});

test('a key that is the id of a thing is what that id is now, and no other', () => {
  const [was, is, other] = ['x7Kq2mZw9P', 'b3TnY8sLd1', 'Q5rfG0jHu6'];
  const links = [{ in: 'response' as const, path: 'body.id', flow: 'users' }];
  const values = known();
  expect(differences({ method: 'POST', links, body: { id: was } }, { body: { id: is } }, values)).toEqual([]);
  const rights = (id: string) => ({ n: 2, body: { rights: { '*': 'read', [id]: 'write' } } });
  expect(differences(rights(was), rights(is), values)).toEqual([]);
  expect(differences(rights(was), rights(other), values)).toHaveLength(2);
  expect(differences(rights(was), rights(was), values)).toEqual([]);
});
