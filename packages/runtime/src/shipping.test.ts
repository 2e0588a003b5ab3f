import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, loadConfig } from './config.ts';
import { shippingFields } from './program.ts';
import { captureTlsOf, checkForwarderAddress } from './shipping.ts';

const schema = z.object(shippingFields).superRefine(checkForwarderAddress);
const [CA, CERT, KEY] = [
  'ECHOPLANE_FORWARDER_CA_FILE',
  'ECHOPLANE_FORWARDER_CERT_FILE',
  'ECHOPLANE_FORWARDER_KEY_FILE',
];
const HOST = 'ECHOPLANE_FORWARDER_HOST';

function load(env: Record<string, string>) {
  return loadConfig(schema, { ECHOPLANE_WORKLOAD: 'shop', ...env });
}

test('on loopback the stream may be plain', () => {
  for (const host of ['127.0.0.1', '::1', 'localhost', 'forwarder.localhost'])
    expect(captureTlsOf(load({ [HOST]: host }))).toBeUndefined();
});

test('with roots it is TLS; certificate, key and name are there when they are set', () => {
  expect(captureTlsOf(load({ [HOST]: 'forwarder.echoplane', [CA]: '/ca' }))).toEqual({ caFile: '/ca' });
  const env = { [CA]: '/ca', [CERT]: '/crt', [KEY]: '/key', ECHOPLANE_FORWARDER_NAME: 'forwarder' };
  const files = { caFile: '/ca', certFile: '/crt', keyFile: '/key', name: 'forwarder' };
  expect(captureTlsOf(load(env))).toEqual(files);
});

test.each<[string, Record<string, string>, string]>([
  ['another machine without roots', { [HOST]: 'forwarder.echoplane' }, CA],
  ['another address without roots', { [HOST]: '10.0.0.1' }, CA],
  ['a certificate without a key', { [CA]: '/ca', [CERT]: '/crt' }, KEY],
  ['a key without a certificate', { [CA]: '/ca', [KEY]: '/key' }, CERT],
  ['a token without roots', { ECHOPLANE_FORWARDER_TOKEN_FILE: '/token' }, CA],
  ['a certificate without roots', { [CERT]: '/crt', [KEY]: '/key' }, CA],
])('%s is refused', (_, env, variable) => {
  const problems = () => {
    try {
      return load(env);
    } catch (err) {
      return err instanceof ConfigError ? err.problems : err;
    }
  };
  expect(problems()).toEqual([expect.stringMatching(new RegExp(`^${variable} is missing`))]);
});
