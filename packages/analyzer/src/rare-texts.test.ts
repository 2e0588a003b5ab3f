import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

test('a long word is of a flow where it is seen, even if it comes once only and looks like a word', () => {
  const owners = ['jyhkmafjzqlanwu', 'wqpzmxkcnvbtrsa', 'trgbvfplokmijnu'];
  const made: Exchange[] = owners.map((id) => ({
    ...{ request: 'POST /people', body: { age: 3 }, status: 201, answer: { id } },
  }));
  const tasks: Exchange[] = owners.map((owner) => ({
    request: 'POST /tasks',
    body: { owner },
    answer: { owner },
  }));
  const board: Exchange = { request: 'GET /board', answer: { project: { owner: owners[0] } } };
  const { flows } = analyze(record([...made, ...tasks, board]));
  expect(flows).toHaveLength(1);
  expect(flows[0]!.places).toContainEqual(
    expect.objectContaining({ endpoint: '/board', path: 'body.project.owner', role: 'echo' }),
  );
});
