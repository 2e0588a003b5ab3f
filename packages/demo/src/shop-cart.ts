// Owns the cart: one per customer, lines in the order they were added, priced from the catalogue when read.
// Must not know payments. Each change is one statement that also moves the cart's `updatedAt`.
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { z } from 'zod';
import { Problem, parseInput } from './service.ts';
import type { Authenticate } from './shop-accounts.ts';
import { entityId, findProduct, SHOP_CURRENCY } from './shop-catalogue.ts';
import type { ShopFaults } from './shop-faults.ts';

const MAX_QUANTITY = 99;

const quantity = z.int().min(1).max(MAX_QUANTITY);
const newItem = z.object({ productId: entityId, quantity });
const change = z.object({ quantity });
const itemParams = z.object({ productId: entityId });

/** One product in a cart or order; amounts in minor units. */
export type Line = {
  productId: string;
  name: string;
  quantity: number;
  unitPrice: number;
  lineTotal: number;
};

/** The cart as the API shows it. */
export type Cart = { items: Line[]; itemCount: number; total: number; currency: string; updatedAt: Date };

type Needs = { db: pg.Pool; authenticate: Authenticate; faults: ShopFaults };

/** The lines of a customer's cart, in the order they were added. */
export async function readLines(db: pg.Pool | pg.PoolClient, userId: string): Promise<Line[]> {
  const { rows } = await db.query<Line>(
    `select p.id as "productId", p.name, c.quantity, p.price as "unitPrice", p.price * c.quantity as "lineTotal"
     from cart_items c join products p on p.id = c.product_id where c.user_id = $1 order by c.position`,
    [userId],
  );
  return rows;
}

/** What lines cost together. */
export function totalOf(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + line.lineTotal, 0);
}

/** Adds `GET /cart` and the three changes of its items. */
export function cartRoutes(app: FastifyInstance, { db, authenticate, faults }: Needs): void {
  app.get('/cart', async (request) => {
    const user = await authenticate(request);
    return faults.cartBody(await readCart(db, user.id));
  });

  app.post('/cart/items', async (request, reply) => {
    const user = await authenticate(request);
    const { productId, quantity } = parseInput(newItem, request.body);
    if (!(await findProduct(db, productId)))
      throw new Problem(404, 'not_found', `There is no product ${productId}`);
    await db.query(
      `with touched as (update users set cart_updated_at = now() where id = $1)
       insert into cart_items as c (user_id, product_id, quantity) values ($1, $2, $3)
       on conflict (user_id, product_id) do update set quantity = least(c.quantity + excluded.quantity, $4)`,
      [user.id, productId, quantity, MAX_QUANTITY],
    );
    return reply.code(201).send(await readLine(db, user.id, productId));
  });

  app.patch('/cart/items/:productId', async (request) => {
    const user = await authenticate(request);
    const { productId } = parseInput(itemParams, request.params);
    const { quantity } = parseInput(change, request.body);
    const { rowCount } = await db.query(
      `with changed as (update cart_items set quantity = $3 where user_id = $1 and product_id = $2 returning user_id)
       update users set cart_updated_at = now() from changed where id = changed.user_id`,
      [user.id, productId, quantity],
    );
    if (!rowCount) throw notInCart(productId);
    return readLine(db, user.id, productId);
  });

  app.delete('/cart/items/:productId', async (request, reply) => {
    const user = await authenticate(request);
    const { productId } = parseInput(itemParams, request.params);
    const { rowCount } = await db.query(
      `with gone as (delete from cart_items where user_id = $1 and product_id = $2 returning user_id)
       update users set cart_updated_at = now() from gone where id = gone.user_id`,
      [user.id, productId],
    );
    if (!rowCount) throw notInCart(productId);
    return reply.code(204).send();
  });
}

async function readCart(db: pg.Pool, userId: string): Promise<Cart> {
  const items = await readLines(db, userId);
  const { rows } = await db.query<{ updatedAt: Date }>(
    'select cart_updated_at as "updatedAt" from users where id = $1',
    [userId],
  );
  const itemCount = items.reduce((sum, line) => sum + line.quantity, 0);
  return { items, itemCount, total: totalOf(items), currency: SHOP_CURRENCY, updatedAt: rows[0]!.updatedAt };
}

async function readLine(db: pg.Pool, userId: string, productId: string): Promise<Line & { addedAt: Date }> {
  const { rows } = await db.query<Line & { addedAt: Date }>(
    `select p.id as "productId", p.name, c.quantity, p.price as "unitPrice", p.price * c.quantity as "lineTotal",
            c.added_at as "addedAt"
     from cart_items c join products p on p.id = c.product_id where c.user_id = $1 and c.product_id = $2`,
    [userId, productId],
  );
  if (!rows[0]) throw notInCart(productId);
  return rows[0];
}

function notInCart(productId: string): Problem {
  return new Problem(404, 'not_found', `Product ${productId} is not in the cart`);
}
