// What is asked of the API server and how often, with its answers written down; what a real one answers is tested in
// test/cluster.
import { RESOURCES } from '@echoplane/kube';
import { type Clock, systemClock } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { Callers, type CallersOptions } from './callers.ts';

const tokenOf = (n: number, aud: unknown = ['echoplane']) =>
  ['h', Buffer.from(JSON.stringify({ aud, n })).toString('base64url'), 's'].join('.');

function startStage() {
  const asked: { body: { spec: { token: string; audiences: string[] } } }[] = [];
  const state = { us: 0, fails: false, logged: 0 };
  const { sleep } = systemClock();
  const clock: Clock = { nowUs: () => state.us, sleep };
  const extra = {
    'authentication.kubernetes.io/pod-name': ['cart-1'],
    'authentication.kubernetes.io/pod-uid': ['u'],
  };
  const user = { username: 'system:serviceaccount:shop:default', extra };
  const client = {
    async call(_method: string, _path: string, options: (typeof asked)[number]) {
      asked.push(options);
      if (state.fails) throw new Error('away');
      return { status: { authenticated: true, audiences: ['echoplane'], user } };
    },
    get: async (resource: unknown) =>
      resource === RESOURCES.pods && {
        metadata: { name: 'cart-1', namespace: 'shop', uid: 'u' },
        spec: { containers: [{ name: 'app' }], initContainers: [{ name: 'init' }] },
      },
  } as unknown as CallersOptions['client'];
  const log = { warn: () => state.logged++ } as unknown as CallersOptions['log'];
  return { callers: new Callers({ client, clock, log }), asked, state };
}

test('the review asks for our audience, and the pod is told with its containers', async () => {
  const { callers, asked } = startStage();
  expect(await callers.whoShows(tokenOf(1), 'a')).toEqual({
    ...{ namespace: 'shop', serviceAccount: 'default', pod: 'cart-1', uid: 'u' },
    ...{ workload: { kind: 'Pod', name: 'cart-1' }, containers: ['app', 'init'] },
  });
  expect(asked.map(({ body }) => body.spec)).toEqual([{ token: tokenOf(1), audiences: ['echoplane'] }]);
});

test('an answer is remembered for a minute, for callers at once too, and not a failure', async () => {
  const { callers, asked, state } = startStage();
  await Promise.all([callers.whoShows(tokenOf(1), 'a'), callers.whoShows(tokenOf(1), 'a')]);
  state.us += 59_000_000;
  await callers.whoShows(tokenOf(1), 'a');
  expect(asked).toHaveLength(1);
  state.us += 2_000_000;
  await callers.whoShows(tokenOf(1), 'a');
  expect(asked).toHaveLength(2);
  state.fails = true;
  for (const _ of [1, 2])
    await expect(callers.whoShows(tokenOf(2), 'a')).rejects.toMatchObject({ code: 'identity-unavailable' });
  expect([asked.length, state.logged]).toEqual([4, 1]);
});

test('so many questions from one address, and others are still heard', async () => {
  const { callers, asked } = startStage();
  const tell = (n: number, address: string) =>
    callers.whoShows(tokenOf(n), address).then(
      () => 'known',
      (err) => err.code,
    );
  for (let n = 0; n < 200; n++) expect(await tell(n, 'a')).toBe('known');
  expect(await tell(200, 'a')).toBe('identity-unavailable');
  expect([await tell(201, 'b'), await tell(1, 'a'), asked.length]).toEqual(['known', 'known', 201]);
});

test('so many answers are remembered', async () => {
  const { callers, asked } = startStage();
  for (let n = 0; n < 2_001; n++) await callers.whoShows(tokenOf(n), `${n}`);
  await callers.whoShows(tokenOf(2_000), 'a');
  expect(asked).toHaveLength(2_001);
  await callers.whoShows(tokenOf(0), 'a');
  expect(asked).toHaveLength(2_002);
});

test.each([
  ['no token', ''],
  ['no JWT', 'abc'],
  ['no JSON', 'a.b.c'],
  ['claims that are null', `a.${Buffer.from('null').toString('base64url')}.c`],
  ['another audience', tokenOf(1, 'https://kubernetes.default.svc')],
])('%s costs the API server nothing', async (_, token) => {
  const { callers, asked } = startStage();
  await expect(callers.whoShows(token, 'a')).rejects.toMatchObject({ code: 'token-refused' });
  expect(asked).toEqual([]);
});
