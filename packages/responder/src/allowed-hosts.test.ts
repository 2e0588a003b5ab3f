import { expect, test } from 'vitest';
import { AllowedHosts } from './allowed-hosts.ts';

const leadingTo = (...addresses: string[]) =>
  new AllowedHosts([], 'shop', (_, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    ),
  );

function lookup(hosts: AllowedHosts, host: string): Promise<string> {
  return new Promise((resolve) => {
    hosts.lookup(host, {}, (err, address) => resolve(err ? `refused: ${err.message}` : String(address)));
  });
}

test('only named destinations are allowed, by name and port, in any case', () => {
  const hosts = new AllowedHosts([{ host: 'Pay.test', port: 443 }], 'shop');
  expect(hosts.named({ host: 'pay.TEST', port: 443 })).toEqual({ host: 'Pay.test', port: 443 });
  expect(hosts.named({ host: 'pay.test', port: 80 })).toBe(null);
  expect(hosts.named({ host: 'api.pay.test', port: 443 })).toBe(null);
});

test.each([
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:169.254.169.254'],
  ...['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '100.100.100.200'],
])('a name must not lead to %s', async (address) => {
  expect(await lookup(leadingTo(address), 'pay.test')).toContain(`refused: pay.test leads to ${address}`);
  expect(await lookup(leadingTo('93.184.216.34', address), 'pay.test')).toContain('refused');
});

test('other addresses are reached, private ones too', async () => {
  for (const address of ['93.184.216.34', '10.0.0.7', '192.168.1.1', 'fd00::1'])
    expect(await lookup(leadingTo(address), 'pay.test')).toBe(address);
});

test('localhost may be this machine when it is named, but never a metadata service', async () => {
  expect(await lookup(leadingTo('127.0.0.1'), 'localhost')).toBe('127.0.0.1');
  expect(await lookup(leadingTo('::1'), 'pay.localhost')).toBe('::1');
  expect(await lookup(leadingTo('169.254.169.254'), 'localhost')).toContain('refused');
});

test('all names of a Service are one, and what is dialled is the one that was named', () => {
  const named = { host: 'pay.shop.svc.cluster.local', port: 80 };
  const hosts = new AllowedHosts([named, { host: 'stock', port: 80 }], 'shop');
  for (const host of [
    'pay',
    'PAY.shop',
    'pay.shop.svc',
    'pay.shop.svc.cluster.local',
    'pay.shop.svc.cluster.local.',
  ])
    expect([host, hosts.named({ host, port: 80 })]).toEqual([host, named]);
  expect(hosts.named({ host: 'stock.shop.svc', port: 80 })).toEqual({ host: 'stock', port: 80 });
  for (const host of [
    'pay.other',
    'pay.shop.evil',
    'pay.shop.svc.evil',
    'a.pay.shop.svc',
    'stock.other',
    'svc',
    'shop',
  ])
    expect([host, hosts.named({ host, port: 80 })]).toEqual([host, null]);
});
