import { expect, test } from 'vitest';
import { replayWith } from './replay-facts.fixture.ts';
import { secretMounts, secretsEnv, sharedNames, stateEnv } from './secret-mounts.ts';

const withRefs = (...refs: [name: string, key: string, as: string][]) =>
  replayWith({ spec: { secretRefs: refs.map(([name, key, as]) => ({ name, key, as })) } });

test('keys of one Secret share a folder, each by its own name and the first as value', () => {
  const replay = withRefs(['keys', 'jwt', 'replay'], ['keys', 'api', 'replay'], ['db', 'url', 'state-url']);
  const items = [
    { key: 'jwt', path: 'value' },
    { key: 'jwt', path: 'jwt' },
    { key: 'api', path: 'api' },
  ];
  const folder = '/etc/echoplane/secrets/replay';
  expect(secretMounts(replay)).toEqual([{ name: 'secret-0', secret: 'keys', folder, items }]);
  expect(secretsEnv(replay)).toEqual({ SECRETS_DIR: '/etc/echoplane/secrets' });
  const valueFrom = { secretKeyRef: { name: 'db', key: 'url' } };
  expect(stateEnv(replay)).toEqual([{ name: 'ECHOPLANE_STATE_URL', valueFrom }]);
});

test('without Secrets nothing is said, and a name of several is told', () => {
  expect([secretsEnv(withRefs()), stateEnv(withRefs())]).toEqual([{}, []]);
  expect(sharedNames(withRefs(['a', 'k', 'x'], ['b', 'k', 'x'], ['a', 'k', 'y']).spec.secretRefs)).toEqual([
    'x',
  ]);
});
