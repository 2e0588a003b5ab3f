import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const signed = (id: string, name: string, initials: string) => {
  const held = Buffer.from(JSON.stringify({ id, name, initials })).toString('base64');
  return `2|1:0|10:1795392863|${held.length}:${held}|${id}9cf1a0b3`;
};
const [WAS, IS] = [
  signed('5f2c1e9ab07d4c61', 'Anonymous Carme', 'AC'),
  signed('88e3fa907b2d4415', 'Anonymous Io', 'AI'),
];

function differences(live: object): string[] {
  const values = new LiveValues(new Map([['t1', WAS]]));
  const cookie = sketchTest({
    headers: [['Set-Cookie', `who=${WAS}`]],
    produces: [{ token: 't1', path: 'cookie.who' }],
  });
  const set = sketchAnswer({ headers: [['Set-Cookie', `who=${IS}`]] });
  compareTest(cookie, set, { values, times: null });
  values.learn(cookie, set);
  const me = sketchTest({
    ...{ n: 2, target: '/me', consumes: ['t1'], requestHeaders: [['Cookie', `who=${WAS}`]] },
    body: { name: 'Anonymous Carme', initials: 'AC', role: 'guest' },
  });
  return compareTest(me, sketchAnswer({ body: live }), { values, times: null }).differences.map(
    ({ path }) => path,
  );
}

test('what a token says of its holder is what the live token says', () => {
  expect(differences({ name: 'Anonymous Io', initials: 'AI', role: 'guest' })).toEqual([]);
});

test('what neither token says, or another place of it, is a difference', () => {
  expect(differences({ name: 'AI', initials: 'AI', role: 'guest' })).toEqual(['body.name']);
  expect(differences({ name: 'Anonymous Io', initials: 'AI', role: 'admin' })).toEqual(['body.role']);
});
