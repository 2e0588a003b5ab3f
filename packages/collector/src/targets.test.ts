import { type ConfigError, loadConfig } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { collectorConfig } from './config.ts';
import { isOfWorkload, parseTargets, parseWorkloads } from './targets.ts';

test('targets hold selectors with commas and slashes', () => {
  expect(parseTargets('shop/app=cart,tier in (web,api); echoplane/replay.echoplane.dev/id=7')).toEqual([
    { namespace: 'shop', selector: 'app=cart,tier in (web,api)' },
    { namespace: 'echoplane', selector: 'replay.echoplane.dev/id=7' },
  ]);
  expect(parseTargets('shop; /app=x; Shop/app=x')).toEqual([null, null, null]);
  expect(parseWorkloads('shop/Deployment/cart,shop/cart')).toEqual([
    { namespace: 'shop', kind: 'Deployment', name: 'cart' },
    null,
  ]);
});

test.each([
  ['shop', 'Deployment', 'cart', true],
  ['shop', 'ReplicaSet', 'cart-7d4b9', true],
  ['shop', 'ReplicaSet', 'cartoon-7d4b9', false],
  ['shop', 'Pod', 'cart-7d4b9-x', false],
  ['other', 'Deployment', 'cart', false],
])('an Event about %s %s %s is of the workload: %s', (namespace, kind, name, ours) => {
  const workloads = [{ namespace: 'shop', kind: 'Deployment', name: 'cart' }];
  expect(isOfWorkload(namespace, { kind, name }, workloads)).toBe(ours);
});

test('every problem of the settings is told at once, and logs go over https alone', () => {
  const env = {
    ECHOPLANE_TARGETS: 'shop',
    ECHOPLANE_FORWARDER_URL: 'http://forwarder:4151',
    ECHOPLANE_SINCE: 'today',
  };
  const problems = (() => {
    try {
      loadConfig(collectorConfig, env);
    } catch (err) {
      return (err as ConfigError).problems.join('\n');
    }
    return '';
  })();
  expect(problems).toContain('ECHOPLANE_REPLAY_ID is missing');
  expect(problems).toContain('ECHOPLANE_TARGETS is not valid (an item is not namespace/selector)');
  expect(problems).toContain('ECHOPLANE_SINCE is not valid');
  expect(problems).toContain(
    'ECHOPLANE_FORWARDER_URL is not valid (observations leave this machine only over https)',
  );
});
