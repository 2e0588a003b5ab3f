import { expect, test } from 'vitest';
import { addressNames } from './service-names.ts';

const service = (name: string, spec: object) => ({ metadata: { namespace: 'shop', name } as never, spec });
const cart = service('cart', { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'] });

test('every address of a Service has its name; headless ones and ExternalNames have none', () => {
  const services = [service('db', { clusterIP: 'None', clusterIPs: ['None'] }), service('far', {}), cart];
  expect(addressNames(services).names).toEqual({ '10.96.0.7': 'cart.shop.svc', 'fd00::7': 'cart.shop.svc' });
});
test('the version is that of the names, whatever their order', () => {
  const other = service('more', { clusterIP: '10.96.0.8' });
  expect(addressNames([cart, other])).toEqual(addressNames([other, cart]));
  expect(addressNames([cart]).version).not.toBe(addressNames([other]).version);
});
