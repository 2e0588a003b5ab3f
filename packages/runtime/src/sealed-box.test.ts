import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { newSealingKey, publicKeyOf, seal, unseal } from './sealed-box.ts';

const reader = newSealingKey();

describe('seal() and unseal()', () => {
  test.each([0, 1, 31, 4_096])('give back a value of %i bytes', (length) => {
    const value = Buffer.alloc(length, 'é');
    expect(unseal(reader.privateKey, seal(reader.publicKey, value)).equals(value)).toBe(true);
  });

  test('make another text of the same value each time, and none that shows it', () => {
    const value = Buffer.from('ada@example.com');
    const [one, two] = [seal(reader.publicKey, value), seal(reader.publicKey, value)];
    expect(one).not.toBe(two);
    expect(Buffer.from(one, 'base64').includes(value)).toBe(false);
  });

  test('a value sealed for one reader is closed to another', () => {
    const sealed = seal(reader.publicKey, Buffer.from('secret'));
    expect(() => unseal(newSealingKey().privateKey, sealed)).toThrow('cannot be opened');
  });

  test('no byte of it can be changed, cut or added', () => {
    const sealed = Buffer.from(seal(reader.publicKey, Buffer.from('secret')), 'base64');
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(() => unseal(reader.privateKey, changed.toString('base64')), `byte ${at}`).toThrow(
        'cannot be opened',
      );
    }
    for (const other of [
      sealed.subarray(0, -1),
      sealed.subarray(0, 20),
      Buffer.concat([sealed, Buffer.of(0)]),
    ])
      expect(() => unseal(reader.privateKey, other.toString('base64'))).toThrow('cannot be opened');
    expect(() => unseal(reader.privateKey, '')).toThrow('cannot be opened');
  });

  test('an ephemeral key without strength is refused', () => {
    const box = Buffer.concat([Buffer.of(1), Buffer.alloc(32), Buffer.alloc(16)]);
    expect(() => unseal(reader.privateKey, box.toString('base64'))).toThrow('cannot be opened');
  });

  test('what is not an X25519 key cannot be sealed for', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    for (const key of [spki, '', 'not a key', reader.publicKey.slice(0, -4)])
      expect(() => seal(key, Buffer.from('x'))).toThrow('not a public X25519 key');
  });

  test('the public key can be had from the private one', () => {
    expect(publicKeyOf(reader.privateKey)).toBe(reader.publicKey);
  });
});
