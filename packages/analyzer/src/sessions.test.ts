// Which requests are one user's, and whose credential is older than the recording.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, jwtOf, record, secretOf } from './exchanges.fixture.ts';

const sessionsOf = (exchanges: Exchange[]) => {
  const { tests, counts } = analyze(record(exchanges));
  return { of: tests.map((t) => `${t.session}${t.headless ? '!' : ''}`), count: counts.sessions };
};
const bearer = (token: string): Pick<Exchange, 'headers'> => ({
  headers: [['Authorization', `Bearer ${token}`]],
});
const cookie = (text: string): Pick<Exchange, 'headers'> => ({ headers: [['Cookie', text]] });

test('a cookie joins the request that got it with all that send it, and sessions interleave', () => {
  const login = (user: string): Exchange => ({
    request: 'POST /login',
    body: { user },
    answer: { ok: true },
    answerHeaders: [['Set-Cookie', `sid=${secretOf(user)}; Path=/; HttpOnly`]],
  });
  const home = (user: string): Exchange => ({
    request: 'GET /home',
    ...cookie(`theme=dark; sid=${secretOf(user)}`),
    answer: { user },
  });
  expect(sessionsOf([login('ann'), login('bob'), home('bob'), home('ann'), home('bob')])).toEqual({
    of: ['s1', 's2', 's2', 's1', 's2'],
    count: 2,
  });
});

test('a renewed bearer token continues the session', () => {
  const [first, second] = [jwtOf({ sub: 1, n: 1 }), jwtOf({ sub: 1, n: 2 })];
  expect(
    sessionsOf([
      { request: 'POST /login', body: { user: 'ann-of-green-gables' }, answer: { token: first } },
      { request: 'GET /me', ...bearer(first) },
      { request: 'POST /refresh', ...bearer(first), answer: { token: second } },
      { request: 'GET /me', ...bearer(second) },
    ]).of,
  ).toEqual(['s1', 's1', 's1', 's1']);
});

test('an administrator who hands tokens to others stays who they are', () => {
  const [admin, one, two] = [jwtOf({ sub: 'admin' }), jwtOf({ sub: 'one' }), jwtOf({ sub: 'two' })];
  expect(
    sessionsOf([
      { request: 'POST /login', body: { user: 'administrator' }, answer: { token: admin } },
      { request: 'POST /tokens', body: { n: 1 }, ...bearer(admin), answer: { token: one } },
      { request: 'GET /me', ...bearer(one) },
      { request: 'POST /tokens', body: { n: 2 }, ...bearer(admin), answer: { token: two } },
      { request: 'GET /me', ...bearer(two) },
      { request: 'GET /tokens', ...bearer(admin) },
    ]).of,
  ).toEqual(['s1', 's1', 's2', 's1', 's3', 's1']);
});

test('a JWT or a cookie that nobody handed out predates the recording', () => {
  expect(sessionsOf([{ request: 'GET /me', ...bearer(jwtOf({ sub: 1 })) }]).of).toEqual(['s1!']);
  expect(sessionsOf([{ request: 'GET /me', ...cookie(`sid=${secretOf('x')}`) }]).of).toEqual(['s1!']);
});

test('Basic, static keys and no credential at all do not', () => {
  const key = secretOf('key');
  expect(
    sessionsOf([
      { request: 'GET /health', connection: 'a' },
      { request: 'GET /stats', headers: [['Authorization', `Basic ${btoa('ann:secret')}`]], connection: 'b' },
      { request: 'GET /stats', headers: [['X-Api-Key', key]], connection: 'c' },
      { request: 'GET /stats', ...bearer(key), connection: 'd' },
    ]).of.some((session) => session.endsWith('!')),
  ).toBe(false);
});

test('where bearer tokens are issued, one that was not is no static key', () => {
  const issued = secretOf('issued');
  expect(
    sessionsOf([
      { request: 'POST /login', body: { user: 'somebody-else' }, answer: { access_token: issued } },
      { request: 'GET /me', ...bearer(issued) },
      { request: 'GET /me', ...bearer(secretOf('older')) },
    ]).of,
  ).toEqual(['s1', 's1', 's2!']);
});

test('a static key that a client chose and gave to the service is as old as the session that gave it', () => {
  const [issued, chosen] = [secretOf('issued'), secretOf('chosen')];
  const rest: Exchange[] = [
    { request: 'GET /me', ...bearer(issued) },
    { request: 'PATCH /me', body: { key: chosen }, ...bearer(issued), answer: { key: '********' } },
    { request: 'GET /items', ...bearer(chosen) },
    { request: 'GET /items', ...bearer(chosen) },
  ];
  const login: Exchange = { request: 'POST /login', body: { user: 'ann' }, answer: { access_token: issued } };
  expect(sessionsOf([login, ...rest]).of).toEqual(['s1', 's1', 's1', 's2', 's2']);
  const asked: Exchange = { request: 'POST /verify', body: { key: chosen }, answer: { valid: true } };
  expect(sessionsOf([login, rest[0]!, asked, rest[2]!]).of.at(-1)).toBe('s3!');
  const other: Exchange = { ...login, answer: { access_token: secretOf('of another') } };
  const use: Exchange = { request: 'GET /me', ...bearer(secretOf('of another')) };
  expect(sessionsOf([other, use, ...rest]).of).toEqual(['s1', 's1', 's2!', 's2!', 's3!', 's3!']);
});

test('requests without a credential keep together by what they mention, by connection, by client', () => {
  const token = jwtOf({ sub: 7 });
  expect(
    sessionsOf([
      { request: 'POST /register', body: { email: 'ann@green-gables.example' }, connection: 'a' },
      { request: 'GET /about', connection: 'z' },
      {
        request: 'POST /login',
        body: { email: 'ann@green-gables.example' },
        answer: { token },
        connection: 'b',
      },
      { request: 'GET /me', ...bearer(token), connection: 'c' },
      { request: 'GET /news', connection: 'z' },
      { request: 'GET /news', connection: 'z' },
      { request: 'GET /ping', connection: 'y' },
      { request: 'GET /ping', connection: 'x' },
    ]).of,
  ).toEqual(['s1', 's2', 's1', 's1', 's2', 's2', 's3', 's3']);
});
