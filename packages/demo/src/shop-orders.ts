// Owns orders: turning a cart into a paid order, and reading a customer's own orders.
// A cart is charged before it becomes an order, so an order in the database is always paid.
// Must not know how a charge is made (shop-dependencies.ts).
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { z } from 'zod';
import { Problem, parseInput } from './service.ts';
import type { Authenticate } from './shop-accounts.ts';
import { type Line, readLines, totalOf } from './shop-cart.ts';
import {
  convert,
  currencyCode,
  entityId,
  parsePageRequest,
  SHOP_CURRENCY,
  toPage,
} from './shop-catalogue.ts';
import { inTransaction } from './shop-database.ts';
import type { Charge, Dependencies } from './shop-dependencies.ts';
import type { ShopFaults } from './shop-faults.ts';

const newOrder = z.object({ currency: currencyCode, note: z.string().max(500).optional() });
const orderParams = z.object({ id: entityId });

/** An order as the API shows it; amounts in minor units of `currency`. */
export type Order = OrderRow & { charge: Charge };

type OrderRow = {
  id: string;
  number: number;
  status: string;
  items: Line[];
  total: number;
  currency: string;
  note: string | null;
  createdAt: Date;
};
type OrderInList = Omit<OrderRow, 'items' | 'note'>;
type Needs = { db: pg.Pool; authenticate: Authenticate; dependencies: Dependencies; faults: ShopFaults };

const ORDER = 'id, number, status, items, total, currency, note, created_at as "createdAt"';

/** Adds `POST /orders`, `GET /orders/:id` and `GET /orders`. */
export function orderRoutes(app: FastifyInstance, needs: Needs): void {
  const { db, authenticate, dependencies, faults } = needs;

  app.post('/orders', async (request, reply) => {
    const user = await authenticate(request);
    const wanted = parseInput(newOrder, request.body);
    const order = await placeOrder(needs, user.id, wanted);
    return reply.code(201).header('location', `/orders/${order.id}`).send(order);
  });

  app.get('/orders/:id', async (request) => {
    const user = await authenticate(request);
    const { id } = parseInput(orderParams, request.params);
    const { rows } = await db.query<OrderRow & { chargeId: string }>(
      `select ${ORDER}, charge_id as "chargeId" from orders where id = $1 and user_id = $2`,
      [id, user.id],
    );
    if (!rows[0]) throw new Problem(404, 'not_found', `There is no order ${id}`);
    const { chargeId, ...order } = rows[0];
    return faults.orderBody({ ...order, charge: await dependencies.findCharge(chargeId) });
  });

  app.get('/orders', async (request) => {
    const user = await authenticate(request);
    const { page, perPage } = parsePageRequest(request.query);
    const { rows } = await db.query<OrderInList>(
      `select id, number, total, currency, status, created_at as "createdAt" from orders
       where user_id = $1 order by number desc limit $2 offset $3`,
      [user.id, perPage, (page - 1) * perPage],
    );
    const count = await db.query<{ total: number }>(
      'select count(*)::int as total from orders where user_id = $1',
      [user.id],
    );
    return toPage(rows, count.rows[0]?.total ?? 0, { page, perPage, path: '/orders' });
  });
}

type NewOrder = z.infer<typeof newOrder>;

function placeOrder(
  { db: pool, dependencies }: Needs,
  userId: string,
  { currency, note }: NewOrder,
): Promise<Order> {
  return inTransaction(pool, async (db) => {
    // Held while the card is charged: a second order of this customer waits, and then finds an empty cart.
    await db.query('select 1 from users where id = $1 for update', [userId]);
    const lines = await readLines(db, userId);
    if (lines.length === 0) throw new Problem(409, 'empty_cart', 'The cart is empty');

    const items = inCurrency(lines, await dependencies.rate(SHOP_CURRENCY, currency));
    const order = { id: randomUUID(), total: totalOf(items), currency };
    const charge = await dependencies.charge(
      {
        amount: order.total,
        currency,
        reference: order.id,
        description: `Shop order, ${items.length} ${items.length === 1 ? 'product' : 'products'}`,
      },
      randomUUID(),
    );
    await db.query('delete from cart_items where user_id = $1', [userId]);
    await db.query('update users set cart_updated_at = now() where id = $1', [userId]);
    const { rows } = await db.query<OrderRow>(
      `insert into orders (id, user_id, status, items, total, currency, note, charge_id)
       values ($1, $2, 'paid', $3, $4, $5, $6, $7) returning ${ORDER}`,
      [order.id, userId, JSON.stringify(items), order.total, currency, note ?? null, charge.id],
    );
    return { ...rows[0]!, charge };
  });
}

/** Prices each unit in the order's currency, so that lines add up to the total to the cent. */
function inCurrency(lines: readonly Line[], rate: number): Line[] {
  return lines.map((line) => {
    const unitPrice = convert(line.unitPrice, rate);
    return { ...line, unitPrice, lineTotal: unitPrice * line.quantity };
  });
}
