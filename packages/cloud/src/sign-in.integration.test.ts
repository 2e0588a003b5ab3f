import { newId } from '@echoplane/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, clock, PASSWORD, startControlPlane } from './control-plane.fixture.ts';
import { digest } from './credentials.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane?.stop());

function signIn(remoteAddress: string, password: string, email = plane.bob.email) {
  const payload = { email, password };
  return plane.app.inject({ method: 'POST', url: '/v1/sign-in', payload, remoteAddress });
}

describe('an account', () => {
  test('is not kept from its user by who guesses at it from elsewhere', async () => {
    const guess = () => signIn('192.0.2.1', 'wrong');
    const codes = (await Promise.all(Array.from({ length: 12 }, guess))).map(
      (response) => response.json().code,
    );
    expect(codes).toContain('too_many_attempts');
    expect((await signIn('127.0.0.1', PASSWORD)).statusCode).toBe(200);
  });

  test('cannot be guessed at more than a hundred times from one address, whatever the e-mail', async () => {
    const from = (address: string, password: string) =>
      signIn(address, password, password === PASSWORD ? plane.bob.email : newId(clock.nowUs()));
    await from('192.0.2.2', 'wrong');
    const sql = 'UPDATE echoplane.sign_in_attempts SET attempts = 99 WHERE who_hash = $1';
    await plane.postgres.asSuperuser(plane.database, sql, [digest('192.0.2.2')]);
    // A good one counts neither for nor against.
    expect((await from('192.0.2.2', PASSWORD)).statusCode).toBe(200);
    expect((await from('192.0.2.2', 'wrong')).json().code).toBe('wrong_credentials');
    expect((await from('192.0.2.2', 'wrong')).json().code).toBe('too_many_attempts');
    expect((await from('192.0.2.3', 'wrong')).json().code).toBe('wrong_credentials');
  });
});
