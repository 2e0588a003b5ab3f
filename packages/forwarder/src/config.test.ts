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

const { ECHOPLANE_TLS_CLIENT_CA_FILE: _roots, ...OWN } = TLS;
const TOKENS = { ECHOPLANE_SENDER_IDENTITY: 'token' };
const FACE = { ECHOPLANE_CLUSTER_PORT: '0', ECHOPLANE_CLUSTER_CA_FILE: '/ca.crt' };

test.each<[string, Record<string, string>, string[]]>([
  ['tokens want TLS, on loopback too', TOKENS, Object.keys(OWN)],
  ['tokens over a network want TLS', { ...TOKENS, ECHOPLANE_HOST: '0.0.0.0' }, Object.keys(OWN)],
  ['tokens want no roots', { ...TOKENS, ...OWN, ECHOPLANE_HOST: '0.0.0.0' }, []],
  ['tokens and client roots exclude each other', { ...TOKENS, ...TLS }, ['ECHOPLANE_TLS_CLIENT_CA_FILE']],
  ['the cluster face wants a certificate', FACE, Object.keys(TLS)],
  ['the cluster face wants roots', { ...TLS, ECHOPLANE_CLUSTER_PORT: '0' }, ['ECHOPLANE_CLUSTER_CA_FILE']],
  ['tokens and the cluster face', { ...TOKENS, ...OWN, ...FACE }, []],
])('%s', (_, env, problems) => {
  expect(problemsOf(env).map((line) => line.split(' ')[0])).toEqual(problems);
});

test('every problem is told at once, also those of fields that belong together', () => {
  const names = (env: Record<string, string>) => problemsOf(env).map((line) => line.split(' ')[0]);
  expect(
    names({ ECHOPLANE_AGENT_KEY: '', ECHOPLANE_STORE_DIR: '', ECHOPLANE_HOST: '0.0.0.0' }).sort(),
  ).toEqual([...Object.keys(TLS), 'ECHOPLANE_AGENT_KEY', 'ECHOPLANE_STORE_DIR'].sort());
});

test.each([
  ['a stream', {}, ['ECHOPLANE_FIREHOSE_STREAM']],
  [
    'frames that fit a record',
    { ECHOPLANE_FIREHOSE_STREAM: 's', ECHOPLANE_FRAME_MAX_BYTES: '1000000' },
    ['ECHOPLANE_FRAME_MAX_BYTES'],
  ],
  ['nothing else', { ECHOPLANE_FIREHOSE_STREAM: 's' }, []],
])('Firehose wants %s', (_, env, problems) => {
  const settings = { ECHOPLANE_SHIP: 'firehose', ECHOPLANE_STORE_DIR: '', ...env };
  expect(problemsOf(settings).map((line) => line.split(' ')[0])).toEqual(problems);
});

test('a private store must be one that the forwarder can open itself', () => {
  const settings = { ECHOPLANE_SHIP: 'upload', ECHOPLANE_STORE_DIR: '', ECHOPLANE_STORE_ACCESS: 'private' };
  expect(problemsOf(settings).map((line) => line.split(' ')[0])).toEqual(['ECHOPLANE_STORE_DIR']);
});
