import { type HeaderList, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { Credentials } from './credentials.ts';

const PASSWORD = 'rdx_aaaaaaaaaaaaaaaaaaa1';
const KEY = 'rdx_bbbbbbbbbbbbbbbbbbb2';
const MAIL = 'u-abcdefghijk7@redacted.invalid';
const VAULT = new Map([
  [PASSWORD, 'pa"ss&word'],
  [MAIL, 'ann@shop.example'],
]);
const nothing = () => undefined;
const base64 = (text: string) => Buffer.from(text).toString('base64');

function request(change: { target?: string; headers?: HeaderList; body?: string } = {}) {
  const { target = '/', headers = [], body = '' } = change;
  return { method: 'POST', target, headers, body: storeBody(Buffer.from(body), '') };
}

test('credentials come back in JSON, Basic and the target, and are counted by place', () => {
  const credentials = new Credentials(VAULT);
  const filled = credentials.fill(
    request({
      target: `/login?as=${encodeURIComponent(MAIL)}`,
      headers: [['Authorization', `Basic ${base64(`${MAIL}:${PASSWORD}`)}`]],
      body: JSON.stringify({ email: MAIL, password: PASSWORD }),
    }),
    nothing,
  );
  expect(filled.target).toBe('/login?as=ann%40shop.example');
  expect(filled.headers).toEqual([['Authorization', `Basic ${base64('ann@shop.example:pa"ss&word')}`]]);
  expect(filled.body.text).toBe(JSON.stringify({ email: 'ann@shop.example', password: 'pa"ss&word' }));
  expect(credentials.counts).toEqual({
    fromVault: { 'query.as': 1, 'header.authorization': 2, 'body.email': 1, 'body.password': 1 },
    missing: {},
  });
});

test('a credential that the vault does not hold is sent as its token and named; an address is only sent', () => {
  const credentials = new Credentials(new Map());
  const asked = request({
    headers: [['X-Api-Key', KEY]],
    body: JSON.stringify({ email: MAIL, keys: [KEY, KEY] }),
  });
  expect(credentials.fill(asked, nothing)).toEqual(asked);
  expect(credentials.counts).toEqual({ fromVault: {}, missing: { 'header.x-api-key': 1, 'body.keys[]': 2 } });
});

test('places are bounded: the rest are counted together, and none of the counts holds a value', () => {
  const credentials = new Credentials(VAULT);
  for (let i = 0; i < 300; i++)
    credentials.fill(request({ body: JSON.stringify({ [`field${i}`]: PASSWORD }) }), nothing);
  const { fromVault } = credentials.counts;
  expect(Object.keys(fromVault)).toHaveLength(201);
  expect(fromVault['other places']).toBe(100);
  expect(JSON.stringify(credentials.counts)).not.toMatch(/pa.{1,2}ss|rdx_/);
});

test('a token of a session that an answer showed in the clear is sent as the live answer showed it', () => {
  const [recorded, live] = ['2c5ea4c0-4067-41fe-8bad-9b1deb4d3b7d', '7b0d8f21-93c4-4e58-a5d6-0c1f2e3a4b5c'];
  const credentials = new Credentials(new Map([[KEY, recorded]]));
  const asked = request({ headers: [['authorization', `Bearer ${KEY}`]] });
  const shown = (value: string) => (value === recorded ? live : undefined);
  expect(credentials.fill(asked, shown).headers).toEqual([['authorization', `Bearer ${live}`]]);
  expect(credentials.fill(asked, nothing).headers).toEqual([['authorization', `Bearer ${recorded}`]]);
});
