// Owns the difference between the two builds of the shop, and is the only place that knows there are two.
// v1: every hook is the identity. v2: three seeded faults, each in the answer of exactly one endpoint.
// The hooks see finished response bodies, so no fault can reach the database, another answer or an outgoing request.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShopConfig } from './config.ts';
import type { Cart } from './shop-cart.ts';
import type { Order } from './shop-orders.ts';

const SLOW_PROFILE_MS = 300;

/** Where a build may differ: just before an answer is sent. */
export type ShopFaults = {
  /** The body of `GET /cart`. */
  cartBody(cart: Cart): Cart;
  /** The body of `GET /orders/:id`. */
  orderBody(order: Order): Omit<Order, 'number'> & { number: number | string };
  /** Awaited before `GET /me` is answered. */
  beforeProfile(): Promise<void>;
};

/** The hooks of a build; `pause` is how it waits. */
export function faultsOf(
  build: ShopConfig['BUILD'],
  pause: (ms: number) => Promise<unknown> = sleep,
): ShopFaults {
  if (build === 'v1')
    return { cartBody: (cart) => cart, orderBody: (order) => order, beforeProfile: async () => {} };
  return {
    cartBody: (cart) => ({ ...cart, total: totalWithoutLastQuantity(cart) }),
    orderBody: (order) => ({ ...order, number: String(order.number) }),
    beforeProfile: async () => {
      await pause(SLOW_PROFILE_MS);
    },
  };
}

function totalWithoutLastQuantity({ items, total }: Cart): number {
  const last = items.at(-1);
  return last ? total - last.lineTotal + last.unitPrice : total;
}
