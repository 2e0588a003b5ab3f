// Names that a service coins, in small recordings of a harbour whose boats are named by it when their owners do not.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, uuidOf } from './exchanges.fixture.ts';

const coined = ['quiet-otter', 'brave-walrus', 'golden-heron', 'misty-kestrel'];

function boat(name: string, body: object = {}): Exchange {
  return { request: 'POST /boats', body, status: 201, answer: { id: uuidOf(name), name } };
}

function links(exchanges: readonly Exchange[]): string[] {
  const found = analyze(record(exchanges)).tests.flatMap((one) =>
    (one.links ?? []).flatMap(({ in: side, path, like }) => (like === 'words' ? [`${side} ${path}`] : [])),
  );
  return [...new Set(found)];
}

test('names that nobody said before are followed, wherever they come again', () => {
  const exchanges: Exchange[] = [
    ...coined.map((name) => boat(name)),
    { request: 'GET /boats', answer: { all: coined.map((name) => ({ name, length: 12 })) } },
  ];
  expect(links(exchanges)).toEqual(['response body.name', 'response body.all[].name']);
});

test.each<[string, Exchange[]]>([
  ['there are few', coined.slice(0, 3).map((name) => boat(name))],
  ['clients said their words', coined.map((name) => boat(name, { title: name.replace('-', ' ') }))],
  [
    'a read told them first',
    [{ request: 'GET /names', answer: coined }, ...coined.map((name) => boat(name))],
  ],
  ['one comes again, as states do', [...coined, coined[0]!].map((name) => boat(name))],
  ['they have their words in common', ['in-port', 'in-dock', 'in-sea', 'in-yard'].map((name) => boat(name))],
])('not when %s', (_why, exchanges) => {
  expect(links(exchanges)).toEqual([]);
});
