import { describe, expect, test } from 'vitest';
import { KeyNames } from './key-names.ts';

const NONE = { keys: [], keysExcept: [] };

describe('kindOf()', () => {
  test.each([
    ...['password', 'passwd', 'PWD', 'user_password', 'newPassword', 'db-passwd', 'pin', 'otp', 'cvv', 'cvc'],
    ...['secret', 'client_secret', 'clientSecret', 'webhook-secret', 'private_key', 'privateKey'],
    ...[
      'token',
      'access_token',
      'refreshToken',
      'id-token',
      'X_CSRF_TOKEN',
      'api_key',
      'apikey',
      'stripeApiKey',
    ],
    ...[
      'authorization',
      'session',
      'session_id',
      'sessionId',
      'ssn',
      'card_number',
      'cardNumber',
      'iban',
      'IBAN',
    ],
  ])('of a field: %s is sensitive', (name) => {
    expect(new KeyNames('field', NONE).kindOf(name)).not.toBeNull();
  });

  test.each([
    ...['token_type', 'tokens', 'max_tokens', 'total_tokens', 'next_page_token', 'pageToken', 'nextToken'],
    ...[
      'secretary',
      'passwordless',
      'passenger',
      'bypass',
      'compass',
      'pinned',
      'spinner',
      'opinion',
      'hasPassword',
    ],
    ...[
      'key',
      'sort_key',
      'public_key',
      'idempotency_key',
      'author',
      'authorized',
      'sessions',
      'panel',
      'ibanez',
      '',
    ],
  ])('of a field: %s is not', (name) => {
    expect(new KeyNames('field', NONE).kindOf(name)).toBeNull();
  });

  test('knows more of headers, cookies and claims', () => {
    const headers = new KeyNames('header', NONE);
    expect(headers.kindOf('x-shop-key')).toBe('credential');
    for (const name of ['sec-websocket-key', 'idempotency-key', 'x-cache-key'])
      expect(headers.kindOf(name)).toBeNull();
    const cookies = new KeyNames('cookie', NONE);
    for (const name of ['connect.sid', '__Host-sess', 'remember_me', 'xsrf', 'laravel_session', 'my-auth'])
      expect(cookies.kindOf(name), name).not.toBeNull();
    expect(cookies.kindOf('theme')).toBeNull();
    expect(new KeyNames('claim', NONE).kindOf('given_name')).toBe('secret');
    expect(new KeyNames('field', NONE).kindOf('given_name')).toBeNull();
  });

  test('follows the rules, which win over what is built in', () => {
    const names = new KeyNames('field', { keys: ['Shop-Id', 'tokens'], keysExcept: ['pass_word'] });
    expect([names.kindOf('shopId'), names.kindOf('tokens'), names.kindOf('password')]).toEqual([
      'credential',
      'credential',
      null,
    ]);
  });

  test('gives the same answer however many names came before, and how long they are', () => {
    const names = new KeyNames('field', NONE);
    for (let n = 0; n < 10_000; n++) names.kindOf(`field-${n}`);
    expect(names.kindOf('password')).toBe('password');
    expect(names.kindOf(`${'x'.repeat(1 << 20)}password`)).toBe('password');
  });

  test('is not asked about most words: their last characters are those of no sensitive name', () => {
    const names = new KeyNames('field', { keys: ['pw'], keysExcept: [] });
    const mayEnd = (text: string, start = 0) => names.mayEndAt(text, start, text.length);
    for (const name of ['password', 'X-Api-KEY', 'cvv2', 'pw', 'token_', 'sid'])
      expect(mayEnd(name), name).toBe(true);
    expect(mayEnd('xyzpw', 3)).toBe(true);
    for (const word of ['basket', 'updatedAt', '2026-11-21T10', 'currency'])
      expect(mayEnd(word), word).toBe(false);
  });
});
