// Words signed with Ed25519, and the check of them: `payload` is base64url of JSON, `signature` signs the payload's
// characters, so nothing is parsed before it is known to be genuine. To whom and until when is said inside, and is the
// reader's to judge.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { OperatingError } from './lifecycle.ts';

/** An envelope of the package `api`. */
export interface SignedEnvelope {
  keyId: string;
  payload: string;
  signature: string;
}

/** Public half of a signing key: SPKI DER in base64, and the id that is derived from it. */
export interface PublicSigningKey {
  id: string;
  publicKey: string;
}

export interface SigningKeyPair extends PublicSigningKey {
  privateKey: KeyObject;
}

const ID_CHARACTERS = 16;

/** A new signing key, and its private half as PKCS #8 PEM to be kept. */
export function newSigningKey(): { key: SigningKeyPair; pem: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { key: signingKeyOf(pem), pem };
}

/** The signing key in a PKCS #8 PEM. Throws OperatingError when it is not an Ed25519 key. */
export function signingKeyOf(pem: string): SigningKeyPair {
  const privateKey = readKey(() => createPrivateKey(pem));
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { id: idOf(spki), publicKey: spki.toString('base64'), privateKey };
}

/** Signs `words`, which must survive JSON. */
export function signEnvelope(key: SigningKeyPair, words: unknown): SignedEnvelope {
  const payload = Buffer.from(JSON.stringify(words)).toString('base64url');
  const signature = sign(null, Buffer.from(payload), key.privateKey).toString('base64url');
  return { keyId: key.id, payload, signature };
}

/** Throws OperatingError when it is not an Ed25519 key. */
export function checkSigningKey(key: PublicSigningKey): void {
  publicHalf(key);
}

/** Why an envelope is not to be read: it names another key, or this key did not sign it. */
export type EnvelopeRefusal = 'other-key' | 'bad-signature';

/** The signed words, or why they are not to be read. Throws OperatingError when the key itself is unusable. */
export function verifyEnvelope(
  key: PublicSigningKey,
  envelope: SignedEnvelope,
): { words: unknown } | { refused: EnvelopeRefusal } {
  if (envelope.keyId !== key.id) return { refused: 'other-key' };
  const signature = Buffer.from(envelope.signature, 'base64url');
  if (!verify(null, Buffer.from(envelope.payload), publicHalf(key), signature))
    return { refused: 'bad-signature' };
  try {
    return { words: JSON.parse(Buffer.from(envelope.payload, 'base64url').toString()) };
  } catch {
    return { refused: 'bad-signature' };
  }
}

function publicHalf({ publicKey }: PublicSigningKey): KeyObject {
  return readKey(() =>
    createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' }),
  );
}

function readKey(read: () => KeyObject): KeyObject {
  let cause: unknown;
  try {
    const key = read();
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (err) {
    cause = err;
  }
  const sentence = 'The signing key is not an Ed25519 key; make a new one and let the agents pin it.';
  throw new OperatingError('signing_key_unusable', sentence, { cause });
}

function idOf(spki: Buffer): string {
  return createHash('sha256').update(spki).digest('base64url').slice(0, ID_CHARACTERS);
}
