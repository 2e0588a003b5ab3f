import { bodyText } from '@echoplane/traffic';
import { sketchPair } from '@echoplane/traffic/pair.fixture';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestLeaves } from './leaves.ts';
import { replaceValues } from './replace-values.ts';
import { MAX_SUBSTITUTIONS, Substitution } from './substitution.ts';

const A = '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';

describe('Substitution', () => {
  test('replaces a value wherever it stands in a request', () => {
    const known = new Substitution();
    known.set(A, B);
    known.set('2026-11-21T03:04:05Z', '2026-12-24T00:00:00Z');
    const base = sketchPair({
      requestBody: { order: A, note: `for ${A}` },
      requestHeaders: [['Authorization', `Bearer ${A}`]],
    }).request!;
    const changed = known.applyRequest({
      ...base,
      target: `/orders/${A}?q=${encodeURIComponent('2026-11-21T03:04:05Z')}`,
    });
    expect(changed.target).toBe(`/orders/${B}?q=${encodeURIComponent('2026-12-24T00:00:00Z')}`);
    expect(changed.headers).toEqual([['Authorization', `Bearer ${B}`]]);
    expect(JSON.parse(bodyText(changed.body)!)).toEqual({ order: B, note: `for ${B}` });
    expect(changed.body.size).toBe(Buffer.byteLength(bodyText(changed.body)!));
  });

  test('what is longer or shorter behind base64 is padded, although the recorded value needed none', () => {
    const behind = (token: string) => `Session ${Buffer.from(`miaab:17:${token}`).toString('base64')}`;
    const [recorded, live] = ['rdx_aaaaaaaaaaaaaaaaaaa1', '2f669738ecb46de0e24e49fe80c95d36'];
    expect(behind(recorded)).not.toContain('=');
    expect(replaceValues(behind(recorded), [[recorded, live]], 'plain')).toBe(behind(live));
  });

  test('takes half a character, which no url can hold', () => {
    const known = new Substitution();
    known.set('order \ud800', 'bestellung \udc00');
    known.set('order 7', 'bestellung \ud801');
    const request = { ...sketchPair({}).request!, target: '/orders?name=order%207' };
    expect(known.applyRequest(request).target).toBe('/orders?name=bestellung%20%EF%BF%BD');
    expect(known.apply('to order \ud800 now')).toBe('to bestellung \udc00 now');
    expect(replaceValues('an order \ud800', [['order \ud800', 'x']], 'plain')).toBe('an x');
  });

  test('finds a value that is glued to other text, and leaves a longer word that only begins alike', () => {
    const known = new Substitution();
    known.set(A, B);
    known.set('DUzcAhBSHUhJhQeqmTXPkuyi', 'another');
    expect(known.apply(`order-${A}-x DUzcAhBSHUhJhQeqmTXPkuyi. DUzcAhBSHUhJhQeqmTXPkuyiX`)).toBe(
      `order-${B}-x another. DUzcAhBSHUhJhQeqmTXPkuyiX`,
    );
  });

  test('what was redacted may be anything: it is escaped in JSON and percent-encoded in targets and forms', () => {
    const [token, email, live] = [
      'rdx_aaaaaaaaaaaaaaaaaaa1',
      'u-abcdefghijk7@redacted.invalid',
      'a"b/c=&d+e',
    ];
    const known = new Substitution();
    known.set(token, live);
    known.set(email, 'ann+1@shop.example');
    const base = sketchPair({ requestBody: { token, note: `for ${email}` } }).request!;
    const target = `/t/${token}?mail=${encodeURIComponent(email)}`;
    const json = known.applyRequest({ ...base, headers: [['Cookie', `sid=${token}`]], target });
    expect(requestLeaves(json).filter(({ path }) => !path.startsWith('header'))).toMatchObject([
      { path: 'method' },
      { path: 'path[0]' },
      { path: 'path[1]', value: live },
      { path: 'query.mail', value: 'ann+1@shop.example' },
      { path: 'cookie.sid', value: live },
      { path: 'body.token', value: live },
      { path: 'body.note', value: 'for ann+1@shop.example' },
    ]);
    const text = `token=${token}&mail=${encodeURIComponent(email)}`;
    const form = known.applyRequest({
      ...base,
      target: '/',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: { size: text.length, encoding: 'identity', text },
    });
    expect(Object.fromEntries(new URLSearchParams(form.body.text))).toEqual({
      token: live,
      mail: 'ann+1@shop.example',
    });
  });

  test('a live value that was read from a url is not encoded twice', () => {
    const known = new Substitution();
    known.set('rdx_aaaaaaaaaaaaaaaaaaa1', 'a%2Fb');
    const base = sketchPair().request!;
    expect(known.applyRequest({ ...base, target: '/cb?code=rdx_aaaaaaaaaaaaaaaaaaa1' }).target).toBe(
      '/cb?code=a%2Fb',
    );
  });

  test('replaces a value that a user named, although nothing shows that it is generated', () => {
    const known = new Substitution();
    known.set('order-17', 'order-99');
    expect(known.apply('/orders/order-17?x=order-17')).toBe('/orders/order-99?x=order-99');
  });

  test('swaps two values without confusing them', () => {
    const known = new Substitution();
    known.set(A, B);
    known.set(B, A);
    expect(known.apply(`${A} ${B}`)).toBe(`${B} ${A}`);
  });

  test('leaves every text without a known value as it is', () => {
    const known = new Substitution();
    known.set(A, B);
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(known.apply(text)).toBe(text);
      }),
    );
  });

  test('forgets the oldest value beyond its bound', () => {
    const known = new Substitution();
    for (let i = 0; i <= MAX_SUBSTITUTIONS; i++) known.set(`recorded-${i}`, `live-${i}`);
    expect([known.size, known.get('recorded-0'), known.get('recorded-1')]).toEqual([
      MAX_SUBSTITUTIONS,
      undefined,
      'live-1',
    ]);
  });
});
