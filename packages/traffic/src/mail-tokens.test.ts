import { expect, test } from 'vitest';
import { olderMailToken, withMailTokens } from './mail-tokens.ts';

test('addresses of older recordings are as they are made now, and nothing else changes', () => {
  const older = '{"mail":"u-a1b2c3d4e5f6@redacted.invalid","form":"m=u-a1b2c3d4e5f6%40redacted.invalid&x=1"}';
  expect(withMailTokens(older)).toBe(
    '{"mail":"u-a1b2c3d4e5f6@redacted.example.com","form":"m=u-a1b2c3d4e5f6%40redacted.example.com&x=1"}',
  );
  expect(withMailTokens(olderMailToken('u-a1b2c3d4e5f6@redacted.example.com'))).toBe(
    'u-a1b2c3d4e5f6@redacted.example.com',
  );
  expect(olderMailToken('rdx_0123456789')).toBe('rdx_0123456789');
  for (const kept of ['"bob@redacted.invalid"', '"u-A1@redacted.invalid"', '"redacted.invalid"', '{}'])
    expect(withMailTokens(kept)).toBe(kept);
});
