import { bodyJson, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { placedTimes } from './shown-times.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const [WAS, ONE, TWO, THREE] = [
  '2026-11-22T16:03:41.000Z',
  '2026-11-22T17:00:05.000Z',
  '2026-11-22T17:00:06.000Z',
  '2026-11-22T17:00:07.000Z',
];
const values = () => new LiveValues(new Map([['t1', WAS]]));
const post = (id: string, time: string, change = time) => ({
  posts: [{ id, made_at: time, changed_at: change }],
});
const sent = (live: LiveValues, change: Partial<Parameters<typeof sketchTest>[0]>) =>
  bodyJson(live.fill(sketchTest({ method: 'PUT', consumes: ['t1'], ...change })).request.body);

function shown(live: LiveValues, was: unknown, is: unknown, produces: Test['produces'] = []): void {
  live.learn(sketchTest({ body: was, produces }), sketchAnswer({ body: is }));
}

test('of one recorded second each thing has its own live one', () => {
  const live = values();
  shown(live, post('aaaa', WAS), post('aaaa', ONE), [{ token: 't1', path: 'body.posts[0].made_at' }]);
  shown(live, post('bbbb', WAS), post('bbbb', TWO));
  expect(sent(live, { requestBody: post('aaaa', WAS) })).toEqual(post('aaaa', ONE));
  expect(sent(live, { requestBody: post('bbbb', WAS) })).toEqual(post('bbbb', TWO));
});

test('the thing may be named by the path alone, and each field has its own time', () => {
  const live = values();
  shown(live, post('aaaa', WAS), post('aaaa', ONE, TWO), [{ token: 't1', path: 'body.posts[0].made_at' }]);
  shown(live, post('bbbb', WAS), post('bbbb', THREE));
  const body = { posts: [{ changed_at: WAS }] };
  expect(sent(live, { target: '/posts/aaaa', requestBody: body })).toEqual({ posts: [{ changed_at: TWO }] });
});

test('what was shown last is its time now, and of a thing that is not named it is the latest', () => {
  const live = values();
  shown(live, post('aaaa', WAS), post('aaaa', ONE), [{ token: 't1', path: 'body.posts[0].made_at' }]);
  shown(live, post('aaaa', WAS), post('aaaa', ONE, THREE));
  expect(sent(live, { requestBody: post('aaaa', WAS) })).toEqual(post('aaaa', ONE, THREE));
  expect(sent(live, { target: '/all', requestBody: { changed_at: WAS } })).toEqual({ changed_at: THREE });
});

test('a user knows what others were shown', () => {
  const run = values();
  const [ada, bob] = [new LiveValues(new Map([['t1', WAS]]), run), new LiveValues(new Map(), run)];
  shown(ada, post('aaaa', WAS), post('aaaa', ONE));
  expect(sent(bob, { requestBody: post('aaaa', WAS) })).toEqual(post('aaaa', ONE));
});

test('times that no answer gave stay, and so do those that nobody follows', () => {
  const live = values();
  const date = '2031-05-06T07:08:00.000Z';
  shown(live, post('aaaa', date), post('aaaa', ONE));
  expect(sent(live, { requestBody: post('aaaa', date) })).toEqual(post('aaaa', date));
});

test('of many times below a long path so many are looked for, by so many names', () => {
  const requestBody = Array.from({ length: 2_000 }, () => ({ at: WAS }));
  let count = 0;
  placedTimes(sketchTest({ method: 'POST', target: '/part'.repeat(200), requestBody }), () => {
    count++;
    return undefined;
  });
  expect(count).toBe(1_000 * 17);
});

test('the hidden field of a form is of the thing that its page shows', () => {
  const at = (time: string) => ({
    body: `<form><input type="hidden" name="seen_at" value="${time}"></form>`,
    type: 'text/html',
  });
  const live = values();
  const open = (target: string, is: string, produces: Test['produces'] = []) =>
    live.learn(sketchTest({ target, produces, ...at(WAS) }), sketchAnswer(at(is)));
  open('/issue5', ONE, [{ token: 't1', path: 'body.input.seen_at' }]);
  open('/issue6', TWO);
  const save = (target: string) => sent(live, { target, requestBody: { seen_at: WAS } });
  expect([save('/issue5'), save('/issue6')]).toEqual([{ seen_at: ONE }, { seen_at: TWO }]);
});
