import { ConfigError, loadConfig } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { generatorConfig } from './config.ts';

const ENV = {
  ECHOPLANE_TESTS_FILE: 'tests.jsonl',
  ECHOPLANE_TOKENS_FILE: 'tokens.json',
  ECHOPLANE_REPLAY_ID: '019c0000-0000-7000-8000-000000000000',
  ECHOPLANE_FORWARDER_PORT: '1',
  ECHOPLANE_CLUSTER: 'c',
  ECHOPLANE_NAMESPACE: 'n',
  ECHOPLANE_WORKLOAD: 'w',
};

test.each([
  ['http://127.0.0.1:3000', { hostname: '127.0.0.1', port: 3000, host: '127.0.0.1:3000' }],
  ['http://shop.example/', { hostname: 'shop.example', port: 80, host: 'shop.example' }],
  ['http://[::1]:8080', { hostname: '::1', port: 8080, host: '[::1]:8080' }],
])('the target %s is taken apart', (url, target) => {
  expect(loadConfig(generatorConfig, { ...ENV, ECHOPLANE_TARGET_URL: url }).targetUrl).toEqual(target);
});

test.each([
  ['https://shop.example', /https targets are not supported yet/],
  ['ftp://shop.example', /ftp: is not a protocol/],
  ['http://shop.example/api', /more than a host and a port/],
  ['shop', /not a URL/],
])('the target %s is refused', (url, sentence) => {
  const load = () => loadConfig(generatorConfig, { ...ENV, ECHOPLANE_TARGET_URL: url });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(sentence);
});
