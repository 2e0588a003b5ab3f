// What stands beside an id: the times that say when the thing was made, the words that say which it is. In small recordings of a
// reader of news.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, START_US } from './exchanges.fixture.ts';

const at = (seconds: number) => new Date(START_US / 1000 + seconds * 1000).toISOString();
const news = (made: Record<string, string>): Exchange[] => {
  const story = (id: number) => ({ id, title: `story ${id}`, published_at: at(-90_000), ...made });
  return [
    { request: 'POST /feeds', body: { url: 'news' }, status: 201, answer: { url: 'news' } },
    { request: 'GET /stories', answer: [story(41), story(42), story(43)] },
    ...[41, 42, 43].map((id): Exchange => ({ request: `GET /stories/${id}`, answer: story(id) })),
  ];
};
const flowsOf = (exchanges: Exchange[]) => analyze(record(exchanges)).flows.map(({ name }) => name);

test('a thing is as new as the time of its making says, however old it is what it tells of', () => {
  expect(flowsOf(news({ created_at: at(0.05) }))).toEqual(['GET /stories body[].id']);
  expect(flowsOf(news({ created_at: at(-90_000) }))).toEqual([]);
  expect(flowsOf(news({ read_at: at(0.05) }))).toEqual([]);
});

test('an answer that is nothing but an id is of what was written, which another place shows with it', () => {
  const editions = [1, 2].flatMap((n): Exchange[] => {
    const text = JSON.stringify({ layout: 'broadsheet', columns: n === 1 ? 'many' : 'few' });
    return [
      { request: `POST /papers/1${n}/editions`, body: { text }, status: 201, answer: { id: 4 + n } },
      { request: `POST /papers/1${n}`, body: { text }, answer: { edition: n, id: 4 + n, text } },
    ];
  });
  const { flows } = analyze(record(editions));
  expect(flows.map(({ places }) => places.map(({ endpoint, path }) => `${endpoint} ${path}`))).toEqual([
    ['/papers/{id} body.id', '/papers/{id}/editions body.id'],
  ]);
});
