import { STRICT } from '@echoplane/replay';
import { expect, test } from 'vitest';
import { AskedAssertions } from './asked-assertions.ts';
import { jsonAnswer, newTest } from './generator-stage.ts';

const cart = newTest('a', { target: '/cart' }, { endpoint: '/cart' });
const live = (body: unknown, endUs = 10) => ({
  ...{ request: cart.request, response: jsonAnswer(body), startedUs: 0, endUs },
});

test('without assertions, or with expectations alone, the comparison is strict', () => {
  expect(new AskedAssertions([]).rulesOf(cart)).toBe(STRICT);
  expect(new AskedAssertions([{ type: 'expect', expression: 'status == 200' }]).rulesOf(cart)).toBe(STRICT);
});

test('an assertion counts for the tests its expression holds for, as they were recorded', () => {
  const asked = new AskedAssertions([
    { type: 'status' },
    { type: 'body', ignore: ['body.total'], when: 'endpoint == "/cart"' },
    { type: 'cookies', when: 'endpoint == "/other"' },
  ]);
  expect(asked.rulesOf(cart)).toMatchObject({
    status: true,
    cookies: false,
    body: { ignore: ['body.total'] },
  });
  expect(asked.rulesOf({ ...cart, endpoint: '/other' })).toMatchObject({ cookies: true, body: null });
});

test('an expectation is asked of the live answer, where its condition holds', () => {
  const asked = new AskedAssertions([
    { type: 'expect', expression: 'response.json.total > 3 && latencyMs < 5', when: 'endpoint == "/cart"' },
  ]);
  expect(asked.isMet(cart, live({ total: 4 }))).toBe(true);
  expect(asked.isMet(cart, live({ total: 3 }))).toBe(false);
  expect(asked.isMet(cart, live({ total: 4 }, 6_000))).toBe(false);
  expect(asked.isMet({ ...cart, endpoint: '/other' }, live({ total: 3 }))).toBe(true);
});
