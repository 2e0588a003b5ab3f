// Destinations, slices and names, as tables.
import { expect, test } from 'vitest';
import { decodedDestinations, formsOfHost, mockedDestinations, unmockedDestinations } from './slices.ts';

const decoded = ['a:1', 'b:2', 'b:3'];

test('what was decoded are the hosts of OUT endpoints, each once, with a port', () => {
  const endpoints = [
    { direction: 'OUT', host: 'b:2' },
    { direction: 'OUT', host: 'a' },
    { direction: 'OUT', host: 'b:2' },
    { direction: 'IN', host: 'cart:80' },
  ];
  expect(decodedDestinations({ summary: { endpoints, notes: [] } as never })).toEqual(['a:*', 'b:2']);
  expect(decodedDestinations({ summary: null })).toEqual([]);
});

test.each([
  ['nothing named: all', undefined, decoded],
  ['*: all', ['*'], decoded],
  ['one', ['b:2'], ['b:2']],
  ['one that was never recorded is still not dialled', ['c:9'], ['c:9']],
  ['none', [], []],
])('mocks: %s', (_, slices, mocks) => {
  expect(mockedDestinations(slices, decoded)).toEqual(mocks);
});

test('what is not mocked keeps its route', () => {
  expect(unmockedDestinations(['b:2'], decoded)).toEqual(['a:1', 'b:3']);
  expect(unmockedDestinations(['b:*'], decoded)).toEqual(['a:1']);
});

test.each([
  ['payments', 'shop', ['payments', 'payments.shop', 'payments.shop.svc', 'payments.shop.svc.cluster.local']],
  ['payments.bank', 'shop', ['payments.bank', 'payments.bank.svc', 'payments.bank.svc.cluster.local']],
  [
    'payments.shop.svc.cluster.local',
    'shop',
    ['payments', 'payments.shop', 'payments.shop.svc', 'payments.shop.svc.cluster.local'],
  ],
  ['api.pay.example.org', 'shop', ['api.pay.example.org']],
])('the forms of %s in %s', (host, namespace, forms) => {
  expect(formsOfHost(host, namespace)).toEqual(forms);
});
