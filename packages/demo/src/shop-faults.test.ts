import { describe, expect, it } from 'vitest';
import type { Cart, Line } from './shop-cart.ts';
import { faultsOf } from './shop-faults.ts';
import type { Order } from './shop-orders.ts';

const line = (quantity: number, unitPrice: number): Line => ({
  productId: 'p',
  name: 'Cup',
  quantity,
  unitPrice,
  lineTotal: quantity * unitPrice,
});
const items = [line(2, 100), line(3, 50)];
const cart: Cart = { items, itemCount: 5, total: 350, currency: 'EUR', updatedAt: new Date(0) };
const order: Order = {
  id: 'o',
  number: 12,
  status: 'paid',
  items,
  total: 350,
  currency: 'EUR',
  note: null,
  charge: { id: 'ch_1', status: 'succeeded', receiptUrl: 'https://receipts.payments.example/ch_1' },
  createdAt: new Date(0),
};

async function pausesOf(build: 'v1' | 'v2'): Promise<number[]> {
  const pauses: number[] = [];
  await faultsOf(build, async (ms) => pauses.push(ms)).beforeProfile();
  return pauses;
}

describe('faultsOf()', () => {
  it('changes nothing in v1', async () => {
    expect(faultsOf('v1').cartBody(cart)).toBe(cart);
    expect(faultsOf('v1').orderBody(order)).toBe(order);
    expect(await pausesOf('v1')).toEqual([]);
  });

  it('ignores the last quantity in the cart total of v2, and nothing else of the cart', () => {
    expect(faultsOf('v2').cartBody(cart)).toEqual({ ...cart, total: 250 });
    expect(cart.total).toBe(350);
  });

  it('leaves an empty cart right in v2', () => {
    const empty = { ...cart, items: [], itemCount: 0, total: 0 };
    expect(faultsOf('v2').cartBody(empty)).toEqual(empty);
  });

  it('turns only the number of an order into a string in v2', () => {
    expect(faultsOf('v2').orderBody(order)).toEqual({ ...order, number: '12' });
  });

  it('makes the profile of v2 wait 300 ms', async () => {
    expect(await pausesOf('v2')).toEqual([300]);
  });
});
