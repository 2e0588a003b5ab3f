import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';

const none = () => new LiveValues(new Map());
const comment = (id: number, link = id) => ({ id, url: `/issues/1#comment-${link}` });

test('an id that the object’s own link names, too, may be another one, and stays it', () => {
  const values = none();
  expect(replayed(json([comment(8), comment(9)]), json([comment(11), comment(8)]), values)).toMatchObject({
    differences: [],
    leaves: { kind: 2 },
  });
  expect(differences(json(comment(8)), json(comment(11)), values)).toEqual([]);
  expect(differences(json(comment(8)), json(comment(12)), values)).toEqual([
    'body.id value',
    'body.url value',
  ]);
});

test('an id that changed alone, or is already another one’s, is a difference', () => {
  expect(differences(json(comment(8)), json(comment(11, 8)), none())).toEqual(['body.id value']);
  expect(differences(json(comment(8)), json(comment(8, 11)), none())).toEqual(['body.url value']);
  expect(differences(json({ id: 8 }), json({ id: 11 }), none())).toEqual(['body.id value']);
  expect(differences(json([comment(8), comment(9)]), json([comment(11), comment(11)]), none())).toContain(
    'body[1].id value',
  );
});

test('a write’s link to what it made may end with another number, a read’s may not', () => {
  const [was, is] = [json({ redirect: '/issues/2#comment-47' }), json({ redirect: '/issues/2#comment-46' })];
  const values = none();
  expect(differences(was, is, none())).toEqual(['body.redirect value']);
  expect(differences({ ...was, method: 'POST' }, is, values)).toEqual([]);
  expect(differences(was, is, values)).toEqual([]);
  expect(differences({ ...was, method: 'PUT', target: '/comments/47' }, is, none())).toHaveLength(1);
  expect(
    differences({ ...was, method: 'POST' }, json({ redirect: '/issues/3#comment-46' }), none()),
  ).toHaveLength(1);
});
