// Signing keys: PEM, JWK or a shared secret, and what the JWT algorithms make of them (RFC 7518, RFC 8037). Keys are parsed
// once and kept, since parsing RSA keys is slow; nothing about them is ever said in a reason.
import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';
import { miss } from '../value.ts';

const MAX_KEYS = 100;

export const JWT_ALGORITHMS = [
  ...['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
] as const;

/** Private keys by their text. */
class Keys {
  readonly #keys = new Map<string, KeyObject>();

  private(text: string): KeyObject {
    const known = this.#keys.get(text);
    if (known) return known;
    const key = parsePrivate(text);
    if (this.#keys.size >= MAX_KEYS) this.#keys.delete(this.#keys.keys().next().value!);
    this.#keys.set(text, key);
    return key;
  }
}

export function keyCache(): Keys {
  return new Keys();
}

function parsePrivate(text: string): KeyObject {
  try {
    const isJwk = text.trimStart().startsWith('{');
    return isJwk
      ? createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
      : createPrivateKey(text);
  } catch {
    return miss('the key is no private key in PEM or JWK');
  }
}

/** The signature of a JWS signing input, base64url. */
export function jwsSignature(algorithm: string, input: string, key: string, keys: Keys): string {
  const bits = algorithm.slice(2);
  const bytes = Buffer.from(input, 'ascii');
  if (/^HS(256|384|512)$/.test(algorithm))
    return createHmac(`sha${bits}`, secretBytes(key)).update(bytes).digest('base64url');
  if (!(JWT_ALGORITHMS as readonly string[]).includes(algorithm))
    return miss('the algorithm of the token is not known');
  const privateKey = keys.private(key);
  if (privateKey.asymmetricKeyType !== keyTypeOf(algorithm) && !isPssKey(algorithm, privateKey))
    return miss(`the key is not one for ${algorithm}`);
  try {
    return sign(algorithm === 'EdDSA' ? null : `sha${bits}`, bytes, {
      key: privateKey,
      ...(algorithm.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' as const } : {}),
      ...(algorithm.startsWith('PS')
        ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
        : {}),
    }).toString('base64url');
  } catch {
    return miss(`the key cannot sign ${algorithm}`);
  }
}

/** A symmetric JWK holds its bytes in `k`; anything else is the secret itself. */
function secretBytes(key: string): Buffer {
  if (!key.trimStart().startsWith('{')) return Buffer.from(key, 'utf8');
  try {
    const { k } = JSON.parse(key) as { k?: unknown };
    if (typeof k === 'string') return Buffer.from(k, 'base64url');
  } catch {
    // A secret that begins with a bracket.
  }
  return Buffer.from(key, 'utf8');
}

function keyTypeOf(algorithm: string): string {
  if (algorithm === 'EdDSA') return 'ed25519';
  return algorithm.startsWith('ES') ? 'ec' : 'rsa';
}

function isPssKey(algorithm: string, key: KeyObject): boolean {
  return algorithm.startsWith('PS') && key.asymmetricKeyType === 'rsa-pss';
}

/** The public JWK of a private key, as a JWKS endpoint serves it. */
export function publicJwk(key: string, kid: string, algorithm: string, keys: Keys): JsonWebKey {
  return { ...createPublicKey(keys.private(key)).export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
}

/**
 * A new private key in PEM for a JWT algorithm: what a replay makes once and hands to generator and responder as a secret,
 * when the service under test takes its keys from a JWKS endpoint that is mocked.
 */
export function newSigningKey(algorithm: string): string {
  const options = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' } as const };
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
  if (/^[RP]S/.test(algorithm))
    return generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, ...options }).privateKey;
  if (algorithm === 'EdDSA')
    return generateKeyPairSync('ed25519', { publicKeyEncoding, ...options }).privateKey;
  const namedCurve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm];
  if (!namedCurve) throw new Error(`there are no key pairs for ${algorithm}`);
  return generateKeyPairSync('ec', { namedCurve, publicKeyEncoding, ...options }).privateKey;
}
