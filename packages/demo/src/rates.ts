// Owns the exchange-rate service: a fixed table behind one plain-HTTP endpoint.
// The rate of a pair never changes; only `asOf` does. Must not know who asks.
import { z } from 'zod';
import type { RatesConfig } from './config.ts';
import { createService, Problem, parseInput, type RunningService, startService } from './service.ts';

/** What one euro buys. Only currencies with two decimals, so that minor units convert without a scale. */
const PER_EURO: ReadonlyMap<string, number> = new Map([
  ['EUR', 1],
  ['USD', 1.0842],
  ['GBP', 0.8567],
  ['CHF', 0.9431],
  ['SEK', 11.2485],
  ['PLN', 4.3126],
]);

const rateQuery = z.object({ base: z.string().length(3), quote: z.string().length(3) });

/** The price of one unit of `base` in `quote`, six decimals; undefined when the pair is not in the table. */
export function rateOf(base: string, quote: string): number | undefined {
  const [from, to] = [PER_EURO.get(base), PER_EURO.get(quote)];
  return from === undefined || to === undefined ? undefined : Number((to / from).toFixed(6));
}

/** Starts the service. */
export function startRates(config: RatesConfig): Promise<RunningService> {
  const app = createService();
  app.get('/v1/rates', async (request) => {
    const { base, quote } = parseInput(rateQuery, request.query);
    const rate = rateOf(base, quote);
    if (rate === undefined)
      throw new Problem(404, 'unknown_pair', `There is no rate from ${base} to ${quote}`);
    return { base, quote, rate, asOf: new Date().toISOString() };
  });
  return startService(app, config);
}
