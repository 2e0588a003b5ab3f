import { type ConfigError, loadConfig } from '@echoplane/runtime';
import { describe, expect, test } from 'vitest';
import { sidecarConfig } from './config.ts';

const load = (env: Record<string, string>) => loadConfig(sidecarConfig, env);

function problemsOf(env: Record<string, string>): string {
  try {
    load(env);
  } catch (error) {
    return (error as ConfigError).problems.join('\n');
  }
  return '';
}

describe('sidecarConfig', () => {
  test('has a default for all that can have one', () => {
    expect(
      load({ ECHOPLANE_MODE: 'reverse', ECHOPLANE_WORKLOAD: 'shop', ECHOPLANE_TARGET_PORT: '80' }),
    ).toMatchObject({
      host: '127.0.0.1',
      inPort: 4143,
      outPort: 4140,
      adminPort: 4145,
      forwarderPort: 4150,
      bodyLimit: 65_536,
      tlsOut: false,
      tags: {},
      upstreamCaFiles: [],
    });
  });

  test('reads tags and lists', () => {
    const env = {
      ECHOPLANE_MODE: 'forward',
      ECHOPLANE_WORKLOAD: 'shop',
      ECHOPLANE_TAGS: 'replay=1,build=v2',
    };
    expect(load({ ...env, ECHOPLANE_UPSTREAM_CA_FILES: 'a.pem, b.pem' })).toMatchObject({
      tags: { replay: '1', build: 'v2' },
      upstreamCaFiles: ['a.pem', 'b.pem'],
    });
  });

  test('wants a target where there is an inbound listener, and both files of a CA or none', () => {
    const forward = { ECHOPLANE_MODE: 'forward', ECHOPLANE_WORKLOAD: 'shop' };
    expect(problemsOf(forward)).toBe('');
    expect(problemsOf({ ...forward, ECHOPLANE_MODE: 'dual' })).toMatch(/^ECHOPLANE_TARGET_PORT is missing/);
    const tls = { ...forward, ECHOPLANE_TLS_OUT: 'true' };
    expect(problemsOf(tls)).toBe('');
    expect(problemsOf({ ...tls, ECHOPLANE_CA_CERT_FILE: 'ca.pem' })).toMatch(
      /^ECHOPLANE_CA_KEY_FILE is missing/,
    );
  });

  test('names every bad field at once', () => {
    const problems = problemsOf({
      ECHOPLANE_MODE: 'magic',
      ECHOPLANE_HOST: 'name',
      ECHOPLANE_BODY_LIMIT: '-1',
    });
    for (const field of ['MODE', 'HOST', 'BODY_LIMIT', 'WORKLOAD'])
      expect(problems).toContain(`ECHOPLANE_${field} is`);
  });

  test.each(['127.example.com', '10.0.0.1', 'forwarder'])(
    'a forwarder at %s is another machine, to be reached over TLS only',
    (host) => {
      const env = { ECHOPLANE_MODE: 'forward', ECHOPLANE_WORKLOAD: 'shop', ECHOPLANE_FORWARDER_HOST: host };
      expect(problemsOf(env)).toMatch(/^ECHOPLANE_FORWARDER_CA_FILE .*only over TLS/);
      expect(problemsOf({ ...env, ECHOPLANE_FORWARDER_CA_FILE: '/ca.pem' })).toBe('');
    },
  );
});
