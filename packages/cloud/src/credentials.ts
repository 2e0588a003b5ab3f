// Secrets and their digests: API keys, session tokens, CSRF tokens, passwords. High-entropy secrets are stored as
// SHA-256, passwords as argon2id. It knows no table and no request.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';

const API_KEY = /^ep_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$/;
const SESSION_TOKEN = /^[A-Za-z0-9_-]{43}$/;

export interface NewApiKey {
  /** Shown once, stored nowhere. */
  key: string;
  prefix: string;
  hash: Buffer;
}

export function newApiKey(): NewApiKey {
  const prefix = randomBytes(4).toString('hex');
  const key = `ep_${prefix}_${randomBytes(32).toString('base64url')}`;
  return { key, prefix, hash: digest(key) };
}

export const isApiKey = (value: string) => API_KEY.test(value);
export const isSessionToken = (value: string) => SESSION_TOKEN.test(value);
export const newSessionToken = () => randomBytes(32).toString('base64url');

export function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** The CSRF token of a session follows from its token, so that nothing more needs to be kept. */
export function csrfTokenOf(sessionToken: string): string {
  return createHmac('sha256', sessionToken).update('echoplane-csrf').digest('base64url');
}

export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/** argon2id with the library's defaults (19 MiB, 2 passes). */
export function hashPassword(password: string): Promise<string> {
  return hash(password);
}

/** A password hash that nothing matches: checked for unknown users, so that both refusals take the same time. */
let decoy: Promise<string> | undefined;

export async function passwordMatches(stored: string | null, password: string): Promise<boolean> {
  decoy ??= hashPassword(randomBytes(16).toString('hex'));
  const matches = await verify(stored ?? (await decoy), password);
  return matches && stored !== null;
}
