// Owns the payment service: charges over HTTPS, kept in memory, idempotent by key, behind one API key.
// Stands for somebody else's API, so it must know nothing of the shop but the reference it is given.
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { PaymentsConfig } from './config.ts';
import {
  createService,
  Problem,
  parseInput,
  type RunningService,
  StartError,
  startService,
} from './service.ts';

const CARD_LIMIT = 500_000;
const MAX_CHARGES = 100_000;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const chargeRequest = z.object({
  amount: z.int().positive(),
  currency: z.string().length(3),
  reference: z.string().min(1).max(200),
  description: z.string().max(500),
});
const idempotencyKey = z.object({ 'idempotency-key': z.string().min(1).max(200) });

type Charge = {
  id: string;
  status: 'succeeded';
  amount: number;
  currency: string;
  reference: string;
  createdAt: string;
  receiptUrl: string;
};

/** Starts the service; a certificate or key file that cannot be read is a StartError. */
export async function startPayments(config: PaymentsConfig): Promise<RunningService> {
  const [cert, key] = await Promise.all([
    readPem('TLS_CERT_FILE', config.TLS_CERT_FILE),
    readPem('TLS_KEY_FILE', config.TLS_KEY_FILE),
  ]);
  const app = createService({ cert, key });
  const charges = new Charges();

  app.addHook('onRequest', async (request) => {
    if (request.headers.authorization === `Bearer ${config.API_KEY}`) return;
    throw new Problem(401, 'invalid_api_key', 'The API key is missing or wrong');
  });
  app.post('/v1/charges', async (request, reply) => {
    const idempotency = parseInput(idempotencyKey, request.headers)['idempotency-key'];
    const wanted = parseInput(chargeRequest, request.body);
    const known = charges.byKey(idempotency);
    if (known) return reply.code(201).send(known);
    if (wanted.amount > CARD_LIMIT) throw new Problem(402, 'card_declined', 'The card was declined');
    return reply.code(201).send(charges.add(idempotency, wanted));
  });
  app.get<{ Params: { id: string } }>('/v1/charges/:id', async (request) => {
    const charge = charges.byId(request.params.id);
    if (!charge) throw new Problem(404, 'unknown_charge', `There is no charge ${request.params.id}`);
    return charge;
  });
  return startService(app, config);
}

/** The ledger: at most MAX_CHARGES charges, the oldest forgotten first together with its key. */
class Charges {
  readonly #byId = new Map<string, Charge>();
  readonly #idByKey = new Map<string, string>();

  byId(id: string): Charge | undefined {
    return this.#byId.get(id);
  }

  byKey(key: string): Charge | undefined {
    return this.#byId.get(this.#idByKey.get(key) ?? '');
  }

  add(key: string, { amount, currency, reference }: z.infer<typeof chargeRequest>): Charge {
    const id = `ch_${Array.from({ length: 24 }, () => BASE62[randomInt(62)]).join('')}`;
    const receiptUrl = `https://receipts.payments.example/${id}`;
    const createdAt = new Date().toISOString();
    const charge: Charge = { id, status: 'succeeded', amount, currency, reference, createdAt, receiptUrl };
    this.#byId.set(id, charge);
    this.#idByKey.set(key, id);
    if (this.#byId.size > MAX_CHARGES) {
      // Both maps keep insertion order and grow together, so their first entries belong to the same charge.
      for (const map of [this.#byId, this.#idByKey])
        for (const first of [...map.keys().take(1)]) map.delete(first);
    }
    return charge;
  }
}

async function readPem(variable: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new StartError(`${variable} names ${path}, which cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
