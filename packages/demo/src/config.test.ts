import { describe, expect, it } from 'vitest';
import { ConfigError, clientConfig, parseConfig, shopConfig } from './config.ts';

const shop = {
  DATABASE_URL: 'postgres://owner@127.0.0.1:5432/shop',
  PAYMENTS_URL: 'https://localhost:4443',
  RATES_URL: 'http://127.0.0.1:4001',
  PAYMENTS_API_KEY: 'key-of-the-shop',
  JWT_SECRET: 'a secret of thirty-two characters',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(shopConfig, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('parseConfig()', () => {
  it('fills in the defaults, takes numbers from text and freezes the result', () => {
    const config = parseConfig(clientConfig, { BASE_URL: 'http://127.0.0.1:1', SESSIONS: '7', SEED: '' });
    expect(config).toEqual({
      BASE_URL: 'http://127.0.0.1:1',
      SESSIONS: 7,
      CONCURRENCY: 4,
      SEED: 1,
      THINK_MS: 15,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('accepts a complete shop', () => {
    expect(problemsOf(shop)).toEqual([]);
  });

  it('names every problem at once, a missing variable apart from a wrong one', () => {
    const problems = problemsOf({ ...shop, DATABASE_URL: '', BUILD: 'v3', PORT: '70000' });
    expect(problems.toSorted()).toEqual([
      'BUILD is not valid: it must be the build to run, v1 or v2 (v2 carries the seeded faults).',
      "DATABASE_URL is missing: it must be the postgres:// URL of the shop's own database.",
      'PORT is not valid: it must be the TCP port to listen on, 0 to 65535 (0 takes a free one).',
    ]);
  });

  it('never repeats a secret that is not valid', () => {
    expect(problemsOf({ ...shop, JWT_SECRET: 'short-secret' }).join()).not.toContain('short-secret');
  });
});
