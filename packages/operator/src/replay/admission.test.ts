// What admission refuses, with its path, and what may change.
import { API_VERSION } from '@echoplane/resources';
import { describe, expect, test } from 'vitest';
import { defaultReplay, validateReplay } from './admission.ts';

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' };
const replay = (spec: object = {}, metadata: object = {}) => ({
  ...{
    apiVersion: API_VERSION,
    kind: 'TrafficReplay',
    metadata: { name: 'r', namespace: 'shop', ...metadata },
  },
  spec: { snapshot: 's', workloads: [{ ref }], ...spec },
});
const paths = (spec: object) => validateReplay(replay(spec), null).map(({ path }) => path);

describe('validateReplay()', () => {
  test('takes what is sound', () => {
    expect(validateReplay(replay(), null)).toEqual([]);
    expect(paths({ testConfig: { goals: { successRate: 0.9 }, load: { users: 4 } } })).toEqual([]);
    expect(paths({ testConfig: '{"load":{"users":4}}' })).toEqual([]);
    expect(paths({ testConfig: 'nightly' })).toEqual([]);
  });
  test.each([
    ['a duration that is none', { timeout: 'soon' }, 'spec.timeout'],
    [
      'a kind that does not roll',
      { workloads: [{ ref: { ...ref, apiVersion: 'batch/v1', kind: 'Job' } }] },
      'spec.workloads[0].ref.kind',
    ],
    [
      'a kind of another group',
      { workloads: [{ ref: { ...ref, apiVersion: 'example.org/v1' } }] },
      'spec.workloads[0].ref.kind',
    ],
    ['a test config that is neither JSON nor a name', { testConfig: 'Not a name' }, 'spec.testConfig'],
    ['an unknown setting of a test config', { testConfig: { load: { vus: 4 } } }, 'spec.testConfig'],
    [
      'a miss policy that asks real hosts, without any',
      { testConfig: { responder: { missPolicy: 'passthrough' } } },
      'spec.testConfig',
    ],
    [
      'two Secrets of one name',
      {
        secretRefs: [
          { name: 's', key: 'k', as: 'a' },
          { name: 't', key: 'k', as: 'a' },
        ],
      },
      'spec.secretRefs',
    ],
    ['a Secret under a path', { secretRefs: [{ name: 's', key: 'k', as: '../etc' }] }, 'spec.secretRefs'],
  ])('refuses %s', (_, spec, path) => {
    expect(paths(spec)).toEqual([path]);
  });
  test('lets only suspend and cancel change', () => {
    const before = replay();
    expect(validateReplay(replay({ suspend: true, cancel: true }), before)).toEqual([]);
    expect(validateReplay(replay({ snapshot: 'other' }), before)).toMatchObject([{ path: 'spec.snapshot' }]);
    expect(validateReplay(replay(), replay({ cancel: true }))).toMatchObject([{ path: 'spec.cancel' }]);
  });
  test('the order of keys is no change', () => {
    const turned = { name: 'cart', kind: 'Deployment', apiVersion: 'apps/v1' };
    expect(validateReplay(replay({ workloads: [{ ref: turned }] }), replay())).toEqual([]);
  });
  test('never stands in the way of a deletion', () => {
    const going = replay({ timeout: 'soon' }, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(validateReplay(going, replay({ snapshot: 'other' }))).toEqual([]);
  });
});

describe('defaultReplay()', () => {
  test('writes the defaults out, and is idempotent', () => {
    const once = defaultReplay(replay());
    expect(once.spec).toMatchObject({
      mode: 'full',
      cleanup: 'inventory',
      timeout: '30m',
      workloads: [{ ref: { namespace: 'shop' }, routing: 'sidecar', tests: ['*'] }],
    });
    expect(defaultReplay(once)).toEqual(once);
    expect(validateReplay(once, once)).toEqual([]);
  });
  test('leaves what is not valid for validation to refuse', () => {
    const wrong = replay({ timeout: 'soon' });
    expect(defaultReplay(wrong)).toBe(wrong);
  });
});
