import { CLOCK_TOLERANCE_US } from '@echoplane/api';
import { newSigningKey, signEnvelope } from '@echoplane/runtime';
import { describe, expect, test } from 'vitest';
import { openEnvelope } from './envelope.ts';

const TENANT = '0190a0a0-0000-7000-8000-00000000aaaa';
const AGENT = '0190a0a0-0000-7000-8000-00000000bbbb';
const OTHER = '0190a0a0-0000-7000-8000-00000000cccc';
const NOW = 1_800_000_000_000_000;
const MINUTE = 60_000_000;
const { key } = newSigningKey();
const addressee = { key, tenant: TENANT, agent: AGENT };
const command = { id: OTHER, body: { kind: 'flush' } };
const sound = { tenant: TENANT, agent: AGENT, issuedAt: NOW, expiresAt: NOW + MINUTE, command };

function judged(words: unknown, nowUs = NOW) {
  const opened = openEnvelope(signEnvelope(key, words), addressee, nowUs);
  return 'refused' in opened ? opened.refused : 'opened';
}

describe('openEnvelope()', () => {
  test.each<[string, unknown]>([
    ['opened', sound],
    ['opened', { ...sound, command: { id: OTHER, body: { kind: 'from-the-future', with: 'words' } } }],
    ['opened', { ...sound, agent: undefined, command: undefined, config: { version: 'r', rules: {} } }],
    ['opened', { ...sound, more: 'than we know' }],
    ['other-tenant', { ...sound, tenant: OTHER }],
    ['other-agent', { ...sound, agent: OTHER }],
    ['other-agent', { ...sound, agent: undefined }],
    ['other-agent', { ...sound, agent: OTHER, command: undefined, config: { version: 'r', rules: {} } }],
    ['malformed', { ...sound, tenant: undefined }],
    ['malformed', { ...sound, expiresAt: 'never' }],
    ['malformed', { ...sound, expiresAt: null }],
    ['malformed', { ...sound, command: { id: '../../etc', body: { kind: 'flush' } } }],
    ['malformed', { ...sound, command: { id: OTHER, body: {} } }],
    ['malformed', null],
    ['malformed', []],
    ['lives-too-long', { ...sound, expiresAt: NOW + 32 * 24 * 60 * MINUTE }],
  ])('says %s of %j', (verdict, words) => {
    expect(judged(words)).toBe(verdict);
  });

  test.each([
    ['opened', sound.expiresAt + CLOCK_TOLERANCE_US - 1],
    ['expired', sound.expiresAt + CLOCK_TOLERANCE_US],
    ['opened', sound.issuedAt - CLOCK_TOLERANCE_US],
    ['from-the-future', sound.issuedAt - CLOCK_TOLERANCE_US - 1],
  ])('says %s when our clock is at %i', (verdict, nowUs) => {
    expect(judged(sound, nowUs)).toBe(verdict);
  });

  test.each([null, 'text', {}, { keyId: key.id, payload: 1, signature: '' }])('%j is no envelope', (raw) => {
    expect(openEnvelope(raw, addressee, NOW)).toEqual({ refused: 'malformed' });
  });

  test('looks at the signature before it looks at the words', () => {
    const envelope = signEnvelope(newSigningKey().key, { anything: true });
    expect(openEnvelope({ ...envelope, keyId: key.id }, addressee, NOW)).toEqual({
      refused: 'bad-signature',
    });
    expect(openEnvelope(envelope, addressee, NOW)).toEqual({ refused: 'other-key' });
  });
});
