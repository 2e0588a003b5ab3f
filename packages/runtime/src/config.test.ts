import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { backoffMs } from './backoff.ts';
import { type ConfigError, envName, field, loadConfig, Secret } from './config.ts';

const schema = z.object({
  port: field.port().default(4150).describe('where to listen'),
  agentKey: field.secret().describe('key of the data plane'),
  storeDir: field.text().describe('folder of the store'),
  tags: field.pairs().default({}),
  hosts: field.list().default([]),
  tlsOut: field.flag().default(false),
});
const good = { ECHOPLANE_AGENT_KEY: 'ep_x', ECHOPLANE_STORE_DIR: '/s' };

describe('loadConfig()', () => {
  test('reads fields from their variables, with types and defaults, frozen', () => {
    const config = loadConfig(schema, {
      ...good,
      ECHOPLANE_PORT: '9',
      ECHOPLANE_TAGS: 'a=1, b=x=y',
      ECHOPLANE_HOSTS: ' p , q ',
      ECHOPLANE_TLS_OUT: 'true',
    });
    expect(config).toMatchObject({
      port: 9,
      storeDir: '/s',
      tags: { a: '1', b: 'x=y' },
      hosts: ['p', 'q'],
      tlsOut: true,
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(loadConfig(schema, { ...good, ECHOPLANE_PORT: '' }).port).toBe(4150);
  });

  test('names every problem at once, with the variable and what it is for', () => {
    try {
      loadConfig(schema, { ECHOPLANE_PORT: '99999', ECHOPLANE_TLS_OUT: 'yes' });
      expect.unreachable();
    } catch (err) {
      const { problems } = err as ConfigError;
      expect(problems).toHaveLength(4);
      expect(problems.join('\n')).toMatch(/ECHOPLANE_PORT is not valid .*where to listen/);
      expect(problems.join('\n')).toMatch(/ECHOPLANE_AGENT_KEY is missing: key of the data plane/);
    }
  });

  test('says in plain words what a value should be, and why a missing one is needed', () => {
    const strict = z
      .object({
        share: field.number(0, 1).default(1),
        count: field.integer(1, 9).default(1),
        tags: field.pairs().default({}),
        caFile: field.text().optional().describe('path of roots'),
      })
      .superRefine(
        (_, context) => context.addIssue({ code: 'custom', path: ['caFile'], message: 'TLS only' }),
        {
          when: () => true,
        },
      );
    const env = { ECHOPLANE_SHARE: 'x', ECHOPLANE_COUNT: '1.5', ECHOPLANE_TAGS: 'a' };
    expect(() => loadConfig(strict, env)).toThrow(
      [
        'ECHOPLANE_SHARE is not valid (not a number from 0 to 1)',
        'ECHOPLANE_COUNT is not valid (not a whole number from 1 to 9)',
        'ECHOPLANE_TAGS is not valid (not name=value,name=value)',
        'ECHOPLANE_CA_FILE is missing (TLS only): path of roots',
      ].join('\n'),
    );
  });

  test('never prints a secret', () => {
    const { agentKey } = loadConfig(schema, good);
    expect(
      [String(agentKey), JSON.stringify({ agentKey }), inspect({ agentKey }), `${agentKey}`].join(),
    ).not.toContain('ep_x');
    expect(agentKey.reveal()).toBe('ep_x');
    expect(agentKey).toBeInstanceOf(Secret);
  });
});

test('envName() follows the field', () => {
  expect(envName('segmentMaxAgeMs')).toBe('ECHOPLANE_SEGMENT_MAX_AGE_MS');
});

test('backoffMs() doubles up to its cap, between half and whole', () => {
  const options = { firstMs: 100, maxMs: 1_000 };
  expect([1, 2, 3, 4, 5, 1_000].map((attempt) => backoffMs(attempt, options, 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
  expect(backoffMs(3, options, 0)).toBe(200);
});
