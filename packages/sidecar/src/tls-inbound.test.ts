import { X509Certificate } from 'node:crypto';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { choosePair, plainAlpn } from './tls-inbound.ts';

const ca = await createAuthority({ commonName: 'Test', days: 1 });
const authority = await loadAuthority(ca.certPem, ca.keyPem);
const pairOf = async (name: string, names: string[]) => ({
  name,
  certificate: new X509Certificate((await authority.issue({ names, days: 1 })).certPem),
});
const pairs = [
  await pairOf('first', ['first.test']),
  await pairOf('wild', ['*.shop.test']),
  await pairOf('exact', ['api.shop.test', 'www.test']),
];

test.each([
  ['first.test', 'first'],
  ['api.shop.test', 'exact'],
  ['API.Shop.Test', 'exact'],
  ['www.test', 'exact'],
  ['cart.shop.test', 'wild'],
  ['a.b.shop.test', 'first'],
  ['other.test', 'first'],
  [null, 'first'],
])('the pair for %s is the %s one', (sni, name) => {
  expect(choosePair(pairs, sni).name).toBe(name);
});

test.each([
  [[], null],
  [['h2', 'http/1.1'], 'http/1.1'],
  [['h2'], 'h2'],
  [['mqtt', 'h2'], 'mqtt'],
])('an app that speaks plain answers the offer %o with %s', (offered, chosen) => {
  expect(plainAlpn(offered)).toBe(chosen);
});
