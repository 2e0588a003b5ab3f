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
  ['http://127.0.0.1:3000', { scheme: 'http', hostname: '127.0.0.1', port: 3000, host: '127.0.0.1:3000' }],
  ['http://shop.example/', { scheme: 'http', hostname: 'shop.example', port: 80, host: 'shop.example' }],
  ['http://[::1]:8080', { scheme: 'http', hostname: '::1', port: 8080, host: '[::1]:8080' }],
  ['https://shop.example', { scheme: 'https', hostname: 'shop.example', port: 443, host: 'shop.example' }],
])('the target %s is taken apart', (url, target) => {
  expect(loadConfig(generatorConfig, { ...ENV, ECHOPLANE_TARGET_URL: url }).targetUrl).toMatchObject(target);
});

test.each([
  ['ftp://shop.example', /ftp: is not a protocol/],
  ['http://shop.example/api', /more than a host and a port/],
  ['shop', /not a URL/],
])('the target %s is refused', (url, sentence) => {
  const load = () => loadConfig(generatorConfig, { ...ENV, ECHOPLANE_TARGET_URL: url });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(sentence);
});

test('a load plan is read as JSON, and its first problem is named with its field', () => {
  const load = (text: string) =>
    loadConfig(generatorConfig, { ...ENV, ECHOPLANE_TARGET_URL: 'http://shop', ECHOPLANE_LOAD: text }).load;
  expect(load('{"stages":[{"rps":5,"durationS":2}]}')).toEqual({
    stages: [{ rps: 5, durationS: 2, rampS: 0 }],
  });
  expect(() => load('{"stages":[{"rps":5,"users":2}]}')).toThrow(
    /stages\.0: needs exactly one of rps and users/,
  );
  expect(() => load('rps=5')).toThrow(/ECHOPLANE_LOAD is not valid/);
});

test('a certificate towards the target needs its key', () => {
  const env = { ...ENV, ECHOPLANE_TARGET_URL: 'https://shop', ECHOPLANE_TARGET_CERT_FILE: 'us.crt' };
  expect(() => loadConfig(generatorConfig, env)).toThrow(/ECHOPLANE_TARGET_KEY_FILE is missing/);
});
