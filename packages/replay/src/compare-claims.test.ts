import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, jwt } from './shifted-replay.fixture.ts';
import type { TestSketch } from './test.fixture.ts';

const answer = (sub: string, id: number) => ({ body: { token: jwt({ sub }), user: { id } } });
const registration: TestSketch = {
  ...{ method: 'POST', target: '/register', ...answer('2', 2) },
  links: [{ in: 'response', path: 'body.user.id', flow: 'users' }],
};

test('a claim may be another one when the entity beside it is that one', () => {
  expect(differences(registration, answer('1', 1), new LiveValues(new Map()))).toEqual([]);
});

test('a claim that names somebody else than the answer beside it is a difference', () => {
  for (const live of [answer('1', 2), answer('3', 1)])
    expect(differences(registration, live, new LiveValues(new Map()))).toContain('body.token!jwt.sub value');
});

test.each([
  [
    'roles',
    { realm_access: { roles: ['seller', 'offline', 'uma'] } },
    { realm_access: { roles: ['uma', 'seller', 'offline'] } },
  ],
  ['an audience', { aud: ['shop', 'account'] }, { aud: ['account', 'shop'] }],
])('the order of %s in a token means nothing', (_, was, is) => {
  const of = (claims: object) => ({ body: { token: jwt(claims) } });
  expect(differences(of(was), of(is), new LiveValues(new Map()))).toEqual([]);
});

test('but a role more, another one or a list of something else does', () => {
  const found = (was: object, is: object) =>
    differences({ body: { token: jwt(was) } }, { body: { token: jwt(is) } }, new LiveValues(new Map()));
  for (const roles of [
    ['uma', 'seller', 'admin'],
    ['uma', 'seller', 'offline', 'admin'],
    ['uma', 'seller'],
  ])
    expect(found({ roles: ['seller', 'offline', 'uma'] }, { roles })).not.toEqual([]);
  expect(found({ steps: ['b', 'c', 'a'] }, { steps: ['c', 'a', 'b'] })).toEqual([
    'body.token!jwt.steps order',
  ]);
});

test('a token of which one claim is followed is compared with all its claims', () => {
  const token = (claims: object) => ({ body: { token: jwt({ user_id: '2', role: 'viewer', ...claims }) } });
  const links = [{ in: 'response' as const, path: 'body.token!jwt.user_id', flow: 'users' }];
  const recorded: TestSketch = { method: 'POST', target: '/token', links, ...token({}) };
  const found = (claims: object) => differences(recorded, token(claims), new LiveValues(new Map()));
  expect(found({ user_id: '1' })).toEqual([]);
  expect(found({ user_id: '1', role: 'admin' })).toEqual(['body.token!jwt.role value']);
  expect(found({ user_id: '1', sub: 'another' })).toEqual(['body.token!jwt.sub unexpected']);
});

test('a page may name a value of a flow in several places, always by its live one', () => {
  const page = (a: string, b: string) => ({
    body: `<a href="/in?tab_id=${a}">in</a> <a href="/out?tab_id=${b}">out</a>`,
    type: 'text/html',
  });
  const recorded: TestSketch = {
    ...page('MYYed_MeQMU', 'MYYed_MeQMU'),
    links: [{ in: 'response', path: 'body#4', flow: 'tabs' }],
  };
  const live = (a: string, b: string) => differences(recorded, page(a, b), new LiveValues(new Map()));
  expect(live('AyxKQMkQvCA', 'AyxKQMkQvCA')).toEqual([]);
  expect(live('AyxKQMkQvCA', 'MYYed_MeQMU')).toEqual(['body value']);
});
