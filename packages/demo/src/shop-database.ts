// Owns the shop's tables: the schema, the seeded catalogue and transactions. Names and prices are the same in
// every database; ids are random, so nothing outside may rely on them. Must not know HTTP.
import pg from 'pg';
import { StartError } from './service.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const SCHEMA_LOCK = 7_205_301;

const SCHEMA = `
create table if not exists products (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  category text not null,
  price integer not null check (price > 0)
);
create table if not exists users (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  name text not null,
  password_hash text not null,
  created_at timestamptz not null default now(),
  cart_updated_at timestamptz not null default now()
);
create table if not exists cart_items (
  user_id uuid not null references users (id),
  product_id uuid not null references products (id),
  position bigint generated always as identity,
  quantity integer not null check (quantity > 0),
  added_at timestamptz not null default now(),
  primary key (user_id, product_id)
);
create table if not exists orders (
  id uuid primary key,
  number integer generated always as identity unique,
  user_id uuid not null references users (id),
  status text not null,
  items json not null,
  total integer not null,
  currency text not null,
  note text,
  charge_id text not null,
  created_at timestamptz not null default now()
);
create index if not exists orders_of_user on orders (user_id, number desc);
`;

/** Name and price in cents, by category. */
const CATALOGUE: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  coffee: [
    ['Arabica Beans 1 kg', 2490],
    ['Burr Grinder', 8900],
    ['Cold Brew Bottle', 2750],
    ['Espresso Cups, Pair', 1690],
    ['French Press', 3450],
    ['Pour-over Kettle', 6290],
  ],
  tea: [
    ['Assam Loose Leaf', 1190],
    ['Bamboo Whisk', 1450],
    ['Cast Iron Teapot', 5490],
    ['Darjeeling First Flush', 1890],
    ['Glass Infuser', 1290],
    ['Sencha Tin', 1590],
  ],
  kitchen: [
    ['Bread Knife', 3990],
    ['Carbon Steel Pan', 5990],
    ['Digital Scale', 2890],
    ['Linen Towels', 1750],
    ['Oak Cutting Board', 4490],
    ['Stoneware Bowl', 1990],
  ],
  desk: [
    ['Brass Pen', 3290],
    ['Cork Notebook', 1150],
    ['Desk Lamp', 7450],
    ['Felt Organiser', 2190],
    ['Paper Clips, Copper', 490],
    ['Walnut Tray', 3790],
  ],
};

/** Connects, creates what is missing and seeds the catalogue; an unreachable database is a StartError. */
export async function openDatabase(url: string): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // An idle connection that the server drops would otherwise end the process; the next query reconnects.
  pool.on('error', () => {});
  try {
    await inTransaction(pool, createSchema);
    return pool;
  } catch (error) {
    await pool.end();
    const { host, pathname } = new URL(url);
    const reason = (error as Error).message || (error as NodeJS.ErrnoException).code;
    throw new StartError(`The database ${host}${pathname} of DATABASE_URL cannot be used: ${reason}.`, {
      cause: error,
    });
  }
}

/** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
export async function inTransaction<T>(pool: pg.Pool, work: (db: pg.PoolClient) => Promise<T>): Promise<T> {
  const db = await pool.connect();
  let broken = false;
  try {
    await db.query('begin');
    const result = await work(db);
    await db.query('commit');
    return result;
  } catch (error) {
    await db.query('rollback').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    db.release(broken);
  }
}

async function createSchema(db: pg.PoolClient): Promise<void> {
  await db.query('select pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
  await db.query(SCHEMA);
  for (const [category, products] of Object.entries(CATALOGUE)) {
    await db.query(
      `insert into products (name, category, price)
       select name, $1, price from unnest($2::text[], $3::int[]) as p (name, price)
       on conflict (name) do nothing`,
      [category, products.map(([name]) => name), products.map(([, price]) => price)],
    );
  }
}
