import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { requestLeaves } from './leaves.ts';
import { LiveValues } from './live-values.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const NAMES = ['csrf_token_d3e2bb1a3a448847d78e6e86', 'csrf_token_73b20a0413f4ff7b1490229a'] as const;
const SECRETS = ['k4Xz91bQ7xZp04LmNoPq', 'Vb7Rt20Lw5Yk8Hs3Dd1f'] as const;
const line = (n: 0 | 1, more = '') =>
  ({ headers: [['Set-Cookie', `${NAMES[n]}=${SECRETS[n]}; Path=/; HttpOnly${more}`]] }) as {
    headers: [string, string][];
  };
const producer = sketchTest({ ...line(0), produces: [{ token: 't1', path: `cookie.${NAMES[0]}` }] });

function after(live: { headers: [string, string][] }) {
  const values = new LiveValues(new Map([['t1', SECRETS[0]]]));
  const answer = sketchAnswer(live);
  const { differences } = compareTest(producer, answer, { values, times: null });
  values.learn(producer, answer);
  return { values, differences };
}

test('a cookie that a service names by a hash is sent under its new name, with what it holds now', () => {
  const { values, differences } = after(line(1));
  expect(differences).toEqual([]);
  const requestHeaders: [string, string][] = [['Cookie', `lang=de; ${NAMES[0]}=${SECRETS[0]}`]];
  const { request } = values.fill(sketchTest({ n: 2, consumes: ['t1'], requestHeaders }));
  expect(requestLeaves(request)).toContainEqual({ path: `cookie.${NAMES[1]}`, value: SECRETS[1] });
});

test('its attributes are compared as ever', () => {
  const { differences } = after({ headers: [['Set-Cookie', `${NAMES[1]}=${SECRETS[1]}; Path=/`]] });
  expect(differences).toMatchObject([{ path: `cookie.${NAMES[0]};httponly`, problem: 'missing' }]);
});

test.each([
  ['a misspelt name', NAMES[0].replace('d3e2', 'd3e3')],
  ['a shorter one', NAMES[1].slice(0, -2)],
  ['one with another beginning', NAMES[1].replace('csrf', 'xsrf')],
])('%s is another cookie', (_, name) => {
  const { differences } = after({ headers: [['Set-Cookie', `${name}=${SECRETS[1]}; Path=/; HttpOnly`]] });
  expect(differences.map(({ problem }) => problem)).toContain('missing');
});

test('a name that is known is renamed to nothing else', () => {
  const { values } = after(line(1));
  const third = sketchAnswer({
    headers: [['Set-Cookie', `csrf_token_0a1b2c3d4e5f60718293a4b5=${SECRETS[1]}; Path=/; HttpOnly`]],
  });
  expect(compareTest(producer, third, { values, times: null }).differences).not.toEqual([]);
});

const atPort = (name: string, value: string = SECRETS[0]) =>
  ({ headers: [['Set-Cookie', `${name}=${value}; Path=/`]] }) as { headers: [string, string][] };
const called = (name: string) =>
  sketchTest({
    ...atPort(name),
    produces: [{ token: 't1', path: `cookie.${name}` }],
    requestHeaders: [['Cookie', `${name}=${SECRETS[0]}`]],
    consumes: ['t1'],
  });

test.each([
  ['the address', 'user-shop-8080', 'user-api-test-9911'],
  ['the port', 'sid_8080', 'sid_9911'],
])('a cookie named by %s that was called has the name of now', (_, name, now) => {
  const producer = called(name);
  const values = new LiveValues(new Map([['t1', SECRETS[0]]]), undefined, { liveHost: 'api.test:9911' });
  const answer = sketchAnswer(atPort(now, SECRETS[1]));
  expect(compareTest(producer, answer, { values, times: null }).differences).toEqual([]);
  values.learn(producer, answer);
  expect(requestLeaves(values.fill(producer).request)).toContainEqual({
    path: `cookie.${now}`,
    value: SECRETS[1],
  });
  const other = sketchAnswer(atPort(now.replace('9911', '9912'), SECRETS[1]));
  expect(compareTest(producer, other, { values, times: null }).differences).not.toEqual([]);
});

test('a longer number in a name is no port', () => {
  const producer = called('sid_80801');
  const values = new LiveValues(new Map(), undefined, { liveHost: 'api.test:9911' });
  expect(requestLeaves(values.fill(producer).request)).toContainEqual({
    path: 'cookie.sid_80801',
    value: SECRETS[0],
  });
});
