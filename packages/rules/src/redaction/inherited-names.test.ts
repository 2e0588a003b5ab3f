// What the name of an object says of its fields.
import { expect, test } from 'vitest';
import { redacted } from './redactor.fixture.ts';

const of = (value: unknown) => JSON.parse(redacted(JSON.stringify(value)));
const token = expect.stringMatching(/^rdx_/);

test('whose a password is, is said beside it and stays', () => {
  const asked = {
    password: [{ old: 'correct horse', user_id: '6b0312563cb1d15c5e3858e8', id: 'correct horse' }],
  };
  expect(of(asked).password).toEqual([{ ...asked.password[0], old: token, id: token }]);
  expect(of({ session: { user_id: 'correct horse' } })).toEqual({ session: { user_id: token } });
});

test('when something of a credential happened is no secret', () => {
  const times = {
    startedAt: 1795364548123,
    created_at: '2026-11-22T16:14:17.000Z',
    expiryDate: '2027-01-01',
  };
  const steps = {
    'pay.beforeAuthorization': { ...times, update: 'correct horse', lastAttempt: 1795364548123 },
  };
  const { update, lastAttempt, ...rest } = of(steps)['pay.beforeAuthorization'];
  expect(rest).toEqual(times);
  expect([update, lastAttempt]).toEqual([token, 1795364548123]);
  const named = {
    secret: { createdAt: 'correct horse', seen_at: { pin: 'correct horse' }, lastDate: '2027-01-01 horse' },
  };
  expect(of(named)).toEqual({ secret: { createdAt: token, seen_at: { pin: token }, lastDate: token } });
  expect(of({ phone: { number: 1795364548123 } })).not.toEqual({ phone: { number: 1795364548123 } });
  expect(of({ token: 1795364548123 })).not.toEqual({ token: 1795364548123 });
});

test('what is no id, or stands below one, is of a password still', () => {
  const asked = {
    password: { user_id: ['correct'], owner_id: { value: 'correct' }, org_id: 'correct horse' },
  };
  expect(of(asked)).toEqual({ password: { user_id: [token], owner_id: { value: token }, org_id: token } });
});

test('a number is that of its list and of the name beside it, whatever else stands before', () => {
  const digits = 1795364548123;
  for (const value of [{ password: [{ old: 'a' }, digits] }, { name: 'api_secret', value: digits }])
    expect(redacted(JSON.stringify(value))).not.toContain(String(digits));
});
