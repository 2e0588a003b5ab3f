// A value for one reader alone: anyone who knows the reader's public X25519 key can seal, only the holder of the private
// key can open. Ephemeral X25519, HKDF-SHA-256, AES-256-GCM; who sealed it is not proven (that is the envelope's work).
//
//   version (1) | ephemeral public key (32) | ciphertext | tag (16), in base64
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { OperatingError } from './lifecycle.ts';

const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_BYTES;
const CONTEXT = 'echoplane sealed box 1';
/** What SPKI puts before the 32 bytes of an X25519 key (RFC 8410). */
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');

/** A new key pair for `seal` and `open`; the public half is SPKI DER in base64. */
export function newSealingKey(): { publicKey: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: spkiOf(publicKey).toString('base64'), privateKey };
}

/** The public half of a private key, SPKI DER in base64. */
export function publicKeyOf(privateKey: KeyObject): string {
  return spkiOf(createPublicKey(privateKey)).toString('base64');
}

/** Seals `bytes` for the holder of a public X25519 key (SPKI DER in base64). Throws OperatingError when it is no such key. */
export function seal(publicKeySpkiBase64: string, bytes: Uint8Array): string {
  const reader = readerKey(Buffer.from(publicKeySpkiBase64, 'base64'));
  const once = generateKeyPairSync('x25519');
  const head = Buffer.concat([Buffer.of(VERSION), rawOf(once.publicKey)]);
  const { key, nonce } = derive(once.privateKey, reader, head, reader);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(head);
  const sealed = Buffer.concat([head, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString('base64');
}

/** What `seal` was given. Throws OperatingError when it was sealed for another key or was changed. */
export function unseal(privateKey: KeyObject, sealed: string): Buffer {
  const box = Buffer.from(sealed, 'base64');
  if (box.length < HEAD_BYTES + TAG_BYTES || box[0] !== VERSION) throw unreadable();
  const head = box.subarray(0, HEAD_BYTES);
  try {
    const sender = readerKey(Buffer.concat([SPKI_HEAD, head.subarray(1)]));
    const { key, nonce } = derive(privateKey, sender, head, createPublicKey(privateKey));
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(head).setAuthTag(box.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(box.subarray(HEAD_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** The ephemeral key is used once, so key and nonce may both come of the one secret. */
function derive(privateKey: KeyObject, publicKey: KeyObject, head: Buffer, reader: KeyObject) {
  const secret = diffieHellman({ privateKey, publicKey });
  const salt = Buffer.concat([head, rawOf(reader)]);
  const bytes = Buffer.from(hkdfSync('sha256', secret, salt, CONTEXT, KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}

function readerKey(spki: Buffer): KeyObject {
  if (spki.length !== SPKI_HEAD.length + KEY_BYTES || !spki.subarray(0, SPKI_HEAD.length).equals(SPKI_HEAD)) {
    const sentence =
      'The key to seal for is not a public X25519 key (SPKI DER in base64); register the agent again.';
    throw new OperatingError('sealing_key_unusable', sentence);
  }
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

function rawOf(key: KeyObject): Buffer {
  return spkiOf(key).subarray(SPKI_HEAD.length);
}

function unreadable(cause?: unknown): OperatingError {
  const sentence =
    'The sealed value cannot be opened: it was sealed for another key, or changed on its way; seal it anew.';
  return new OperatingError('sealed_unreadable', sentence, { cause });
}
