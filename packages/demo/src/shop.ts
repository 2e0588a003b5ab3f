// Owns the assembly of the shop: database, dependencies, faults of the build, routes.
//   request ─▶ accounts / catalogue / cart / orders ─▶ Postgres
//                                └─▶ rates (HTTP), payments (HTTPS)
// Must not know the environment; holds no logic of its own.
import type { ShopConfig } from './config.ts';
import { createService, type RunningService, startService } from './service.ts';
import { accountRoutes } from './shop-accounts.ts';
import { cartRoutes } from './shop-cart.ts';
import { catalogueRoutes } from './shop-catalogue.ts';
import { openDatabase } from './shop-database.ts';
import { connectDependencies } from './shop-dependencies.ts';
import { faultsOf } from './shop-faults.ts';
import { orderRoutes } from './shop-orders.ts';

/** Starts the shop on its own database; what is missing there is created first. */
export async function startShop(config: ShopConfig): Promise<RunningService> {
  const db = await openDatabase(config.DATABASE_URL);
  const faults = faultsOf(config.BUILD);
  const dependencies = connectDependencies({
    ratesUrl: config.RATES_URL,
    paymentsUrl: config.PAYMENTS_URL,
    paymentsApiKey: config.PAYMENTS_API_KEY,
  });
  const app = createService();
  app.addHook('onClose', () => db.end());
  app.get('/healthz', async () => {
    await db.query('select 1');
    return { status: 'ok' };
  });
  const authenticate = accountRoutes(app, { db, jwtSecret: config.JWT_SECRET, faults });
  catalogueRoutes(app, db, dependencies);
  cartRoutes(app, { db, authenticate, faults });
  orderRoutes(app, { db, authenticate, dependencies, faults });
  return startService(app, config);
}
