import { describe, expect, test } from 'vitest';
import { mayUse } from './auth.ts';
import {
  csrfTokenOf,
  digest,
  isApiKey,
  newApiKey,
  newSessionToken,
  passwordMatches,
  sameText,
} from './credentials.ts';

describe('mayUse()', () => {
  test.each([
    ['viewer', { public: true, viewer: true, editor: false, admin: false, agent: false }],
    ['editor', { public: true, viewer: true, editor: true, admin: false, agent: false }],
    ['admin', { public: true, viewer: true, editor: true, admin: true, agent: true }],
    ['agent', { public: true, viewer: false, editor: false, admin: false, agent: true }],
  ] as const)('%s', (role, wanted) => {
    for (const [access, allowed] of Object.entries(wanted))
      expect(mayUse(role, access as 'public'), access).toBe(allowed);
  });
});

describe('credentials', () => {
  test('a key shows its prefix, is recognised, and is stored as its digest', () => {
    const { key, prefix, hash } = newApiKey();
    expect(key.startsWith(`ep_${prefix}_`)).toBe(true);
    expect(isApiKey(key)).toBe(true);
    expect(isApiKey(`${key}x`)).toBe(false);
    expect(hash).toEqual(digest(key));
    expect(newApiKey().key).not.toBe(key);
  });

  test('a CSRF token follows from its session and from no other', () => {
    const token = newSessionToken();
    expect(csrfTokenOf(token)).toBe(csrfTokenOf(token));
    expect(csrfTokenOf(token)).not.toBe(csrfTokenOf(newSessionToken()));
    expect(sameText('a', 'a')).toBe(true);
    expect(sameText('a', 'ab')).toBe(false);
  });

  test('no password fits a user who does not exist', async () => {
    expect(await passwordMatches(null, 'anything')).toBe(false);
  });
});
