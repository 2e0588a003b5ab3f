// The words of a thing are those that stand beside its id where it is made, also when a Location names the id before them.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, jwtOf, record } from './exchanges.fixture.ts';

/** A user signs up, gets a token whose claims have words of their own, and reads itself under another name. */
const signsUp = (id: number, username: string): Exchange[] => [
  {
    request: 'POST /users',
    body: { username },
    status: 201,
    answer: { id, username },
    answerHeaders: [['location', `/users/${id}`]],
  },
  {
    request: 'POST /tokens',
    body: { username, password: 'correct-horse' },
    answer: { access: jwtOf({ jti: `0b95c5b057ce44b898c79b872e4a0eb${id}`, user_id: String(id) }) },
  },
  { request: 'GET /users/me', answer: { id, username } },
  { request: `POST /users/${id}/follow`, body: {}, answer: { following: true } },
];

test('a thing is known again by its words under another name', () => {
  const { flows } = analyze(record([...signsUp(1, 'ada.brandt.31f040'), ...signsUp(2, 'ivo.haas.c71f06')]));
  const users = flows.find(({ places }) => places.some(({ endpoint }) => endpoint === '/users/{id}/follow'));
  const read = users?.places.filter(({ endpoint }) => endpoint === '/users/me').map(({ path }) => path);
  expect(read).toEqual(['body.id']);
});
