import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { newSigningKey, signEnvelope, signingKeyOf, verifyEnvelope } from './signed-envelope.ts';

const { key, pem } = newSigningKey();
const words = { to: 'you', until: 12, what: { grüße: ['a', null] } };

describe('signEnvelope() and verifyEnvelope()', () => {
  test('give back the words', () => {
    expect(verifyEnvelope(key, signEnvelope(key, words))).toEqual({ words });
  });

  test('a key kept as PEM is the same key', () => {
    const kept = signingKeyOf(pem);
    expect(kept.id).toBe(key.id);
    expect(verifyEnvelope(key, signEnvelope(kept, words))).toEqual({ words });
  });

  test('words of another key are refused, even under the name of ours', () => {
    const envelope = signEnvelope(newSigningKey().key, words);
    expect(verifyEnvelope(key, envelope)).toEqual({ refused: 'other-key' });
    expect(verifyEnvelope(key, { ...envelope, keyId: key.id })).toEqual({ refused: 'bad-signature' });
  });

  test('no character of the payload can be changed', () => {
    const envelope = signEnvelope(key, words);
    for (let at = 0; at < envelope.payload.length; at++) {
      const other = envelope.payload[at] === 'A' ? 'B' : 'A';
      const payload = envelope.payload.slice(0, at) + other + envelope.payload.slice(at + 1);
      expect(verifyEnvelope(key, { ...envelope, payload })).toEqual({ refused: 'bad-signature' });
    }
    expect(verifyEnvelope(key, { ...envelope, payload: `${envelope.payload}=` })).toEqual({
      refused: 'bad-signature',
    });
  });

  test.each(['', 'AAAA', '!'])('%j is no signature', (signature) => {
    expect(verifyEnvelope(key, { ...signEnvelope(key, words), signature })).toEqual({
      refused: 'bad-signature',
    });
  });

  test('a key of another kind is refused with a sentence', () => {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    const other = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(() => signingKeyOf(other)).toThrow('not an Ed25519 key');
    expect(() => signingKeyOf('no PEM')).toThrow('not an Ed25519 key');
    const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    expect(() => verifyEnvelope({ ...key, publicKey: spki }, signEnvelope(key, words))).toThrow(
      'not an Ed25519 key',
    );
  });
});
