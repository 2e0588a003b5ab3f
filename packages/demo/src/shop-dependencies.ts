// Owns the shop's outgoing calls: rates over HTTP and payments over HTTPS, by the global fetch only, so that
// NODE_USE_ENV_PROXY, HTTP(S)_PROXY and NODE_EXTRA_CA_CERTS steer them without a change here.
// Every failure becomes a Problem that names the dependency. Must not know the database or the routes.
import { z } from 'zod';
import { Problem } from './service.ts';

const CALL_TIMEOUT_MS = 5_000;

const rateBody = z.object({ rate: z.number().positive() });
const chargeBody = z.object({ id: z.string(), status: z.string(), receiptUrl: z.string() });

/** What the shop shows of a charge. */
export type Charge = z.infer<typeof chargeBody>;

/** What a charge is asked for with; `amount` in minor units of `currency`. */
export type ChargeRequest = { amount: number; currency: string; reference: string; description: string };

/** The two services the shop needs. */
export type Dependencies = {
  /** The price of one unit of `base` in `quote`; 1 without a call when they are the same. */
  rate(base: string, quote: string): Promise<number>;
  /** Takes the money once per idempotency key; a declined card is a 402 Problem. */
  charge(wanted: ChargeRequest, idempotencyKey: string): Promise<Charge>;
  /** The charge as payments has it now. */
  findCharge(id: string): Promise<Charge>;
};

type Urls = { ratesUrl: string; paymentsUrl: string; paymentsApiKey: string };

/** The dependencies at these addresses. */
export function connectDependencies({ ratesUrl, paymentsUrl, paymentsApiKey }: Urls): Dependencies {
  const authorization = `Bearer ${paymentsApiKey}`;
  return {
    async rate(base, quote) {
      if (base === quote) return 1;
      const answer = await call(
        'rates',
        endpoint(ratesUrl, `/v1/rates?${new URLSearchParams({ base, quote })}`),
      );
      if (answer.status === 404) {
        throw new Problem(400, 'unknown_currency', `Prices in ${quote} are not offered`, {
          field: 'currency',
        });
      }
      return bodyOf('rates', answer, rateBody).rate;
    },
    async charge(wanted, idempotencyKey) {
      const answer = await call('payments', endpoint(paymentsUrl, '/v1/charges'), {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
        body: JSON.stringify(wanted),
      });
      if (answer.status === 402) throw new Problem(402, 'payment_declined', 'The payment was declined');
      return bodyOf('payments', answer, chargeBody);
    },
    async findCharge(id) {
      const url = endpoint(paymentsUrl, `/v1/charges/${encodeURIComponent(id)}`);
      return bodyOf('payments', await call('payments', url, { headers: { authorization } }), chargeBody);
    },
  };
}

type Answer = { status: number; body: unknown };

async function call(dependency: string, url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    const text = await response.text();
    return { status: response.status, body: parseJson(text) };
  } catch (cause) {
    const problem = new Problem(
      502,
      'dependency_unreachable',
      `The ${dependency} service cannot be reached`,
      { dependency },
    );
    problem.cause = (cause as Error).cause ?? cause;
    throw problem;
  }
}

function bodyOf<T>(dependency: string, { status, body }: Answer, schema: z.ZodType<T>): T {
  const result = schema.safeParse(body);
  if (status < 300 && result.success) return result.data;
  const what = status < 300 ? 'an answer that is not understood' : `status ${status}`;
  throw new Problem(502, 'dependency_failed', `The ${dependency} service gave ${what}`, { dependency });
}

function endpoint(base: string, path: string): string {
  return base.replace(/\/+$/, '') + path;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
