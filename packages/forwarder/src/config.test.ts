import { type ConfigError, loadConfig } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { ForwarderConfig } from './config.ts';

const BASE = {
  ECHOPLANE_SPOOL_DIR: '/spool',
  ECHOPLANE_STORE_DIR: '/store',
  ECHOPLANE_CLOUD_URL: 'http://127.0.0.1:8080',
  ECHOPLANE_AGENT_KEY: 'key',
};
const TLS = {
  ECHOPLANE_TLS_CERT_FILE: '/tls.crt',
  ECHOPLANE_TLS_KEY_FILE: '/tls.key',
  ECHOPLANE_TLS_CLIENT_CA_FILE: '/ca.crt',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(ForwarderConfig, { ...BASE, ...env });
    return [];
  } catch (err) {
    return (err as ConfigError).problems;
  }
}

test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('streams to %s may be plain', (host) => {
  expect(problemsOf({ ECHOPLANE_HOST: host })).toEqual([]);
});

test.each(['0.0.0.0', '::', '10.1.2.3', '127.0.0.1.example.com', 'forwarder'])(
  'streams to %s need all three TLS files',
  (host) => {
    expect(problemsOf({ ECHOPLANE_HOST: host }).map((line) => line.split(' ')[0])).toEqual(Object.keys(TLS));
    expect(problemsOf({ ECHOPLANE_HOST: host, ...TLS })).toEqual([]);
  },
);

test('TLS files come together, on loopback too: roots for senders cannot be left out', () => {
  const { ECHOPLANE_TLS_CLIENT_CA_FILE: _, ...withoutRoots } = TLS;
  expect(problemsOf(withoutRoots)).toEqual([
    'ECHOPLANE_TLS_CLIENT_CA_FILE is missing: path of PEM roots for the certificates that senders must show',
  ]);
});
