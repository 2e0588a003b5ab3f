// Owns the catalogue's read side: the paginated list and one product with its price in another currency.
// Needs no login. Must not know customers. Also owns the form of a page, which the order list uses too.
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { z } from 'zod';
import { Problem, parseInput } from './service.ts';
import type { Dependencies } from './shop-dependencies.ts';

/** The currency prices are kept in; all amounts are in minor units. */
export const SHOP_CURRENCY = 'EUR';

/** A currency code as the API takes it. */
export const currencyCode = z.string().regex(/^[A-Z]{3}$/, 'A currency is three capital letters');

/** An id in a path or body. Any UUID shape: whether it exists is the database's answer, not the pattern's. */
export const entityId = z.guid();

const pageQuery = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  perPage: z.coerce.number().int().min(1).max(50).default(8),
});
const productsQuery = pageQuery.extend({ category: z.string().min(1).max(50).optional() });
const productQuery = z.object({ currency: currencyCode.default(SHOP_CURRENCY) });
const productParams = z.object({ id: entityId });

/** Part of a list; `next` is the path of the following part, or null at the end. */
export type Page<T> = { items: T[]; page: number; perPage: number; total: number; next: string | null };

type PageRequest = z.infer<typeof pageQuery>;
type Product = { id: string; name: string; category: string; price: number };

/** Reads `page` and `perPage` of a query string. */
export function parsePageRequest(query: unknown): PageRequest {
  return parseInput(pageQuery, query);
}

/** The page with the path of the next one; `query` is kept in that path. */
export function toPage<T>(
  items: T[],
  total: number,
  list: PageRequest & { path: string; query?: Record<string, string> },
): Page<T> {
  const { page, perPage, path, query } = list;
  const next = new URLSearchParams({ page: String(page + 1), perPage: String(perPage), ...query });
  return { items, page, perPage, total, next: page * perPage < total ? `${path}?${next}` : null };
}

/** Converts minor units at a rate, to the nearest unit. */
export function convert(amount: number, rate: number): number {
  return Math.round(amount * rate);
}

/** One product, or undefined. */
export async function findProduct(db: pg.Pool, id: string): Promise<Product | undefined> {
  const { rows } = await db.query<Product>('select id, name, category, price from products where id = $1', [
    id,
  ]);
  return rows[0];
}

/** Adds `GET /products` and `GET /products/:id`. */
export function catalogueRoutes(
  app: FastifyInstance,
  db: pg.Pool,
  { rate }: Pick<Dependencies, 'rate'>,
): void {
  app.get('/products', async (request) => {
    const { page, perPage, category } = parseInput(productsQuery, request.query);
    const { rows } = await db.query<Product>(
      `select id, name, category, price from products where $1::text is null or category = $1
       order by name limit $2 offset $3`,
      [category, perPage, (page - 1) * perPage],
    );
    const count = await db.query<{ total: number }>(
      'select count(*)::int as total from products where $1::text is null or category = $1',
      [category],
    );
    const items = rows.map((product) => ({ ...product, currency: SHOP_CURRENCY }));
    const query = category === undefined ? {} : { category };
    return toPage(items, count.rows[0]?.total ?? 0, { page, perPage, path: '/products', query });
  });

  app.get('/products/:id', async (request) => {
    const { id } = parseInput(productParams, request.params);
    const { currency } = parseInput(productQuery, request.query);
    const product = await findProduct(db, id);
    if (!product) throw new Problem(404, 'not_found', `There is no product ${id}`);
    const inCurrency = await rate(SHOP_CURRENCY, currency);
    const converted = { currency, amount: convert(product.price, inCurrency), rate: inCurrency };
    return { ...product, currency: SHOP_CURRENCY, converted };
  });
}
