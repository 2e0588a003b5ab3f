// Owns the configuration of the four demo programs: one zod object per program over an injected environment.
// All problems are reported at once, each as a sentence that says what the variable must be.
// Must not read process.env (main.ts passes it in) and must not touch files or the network.
import { z } from 'zod';

const port = z.coerce
  .number()
  .int()
  .min(0)
  .max(65_535)
  .default(0)
  .describe('the TCP port to listen on, 0 to 65535 (0 takes a free one)');
/** Where it listens: this machine alone, or in a pod on every address. */
const listening = {
  HOST: z
    .enum(['127.0.0.1', '0.0.0.0'])
    .default('127.0.0.1')
    .describe('the address to listen on, 127.0.0.1 or 0.0.0.0'),
  PORT: port,
};
const httpUrl = (what: string) =>
  z.url({ protocol: /^https?$/ }).describe(`the http:// or https:// URL of ${what}`);
const wholeNumber = (min: number, max: number, fallback: number, what: string) =>
  z.coerce
    .number()
    .int()
    .min(min)
    .max(max)
    .default(fallback)
    .describe(`${what}, a whole number from ${min} to ${max}`);

export const ratesConfig = z.object({ ...listening });

export const paymentsConfig = z.object({
  ...listening,
  TLS_CERT_FILE: z.string().describe('the path of the PEM certificate chain to serve'),
  TLS_KEY_FILE: z.string().describe('the path of the PEM private key of that certificate'),
  API_KEY: z.string().min(8).describe('the bearer key that callers must show, 8 characters or more'),
});

export const shopConfig = z.object({
  ...listening,
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .describe("the postgres:// URL of the shop's own database"),
  PAYMENTS_URL: httpUrl('the payments service'),
  RATES_URL: httpUrl('the rates service'),
  PAYMENTS_API_KEY: z
    .string()
    .min(8)
    .describe('the bearer key for the payments service, 8 characters or more'),
  JWT_SECRET: z
    .string()
    .min(32)
    .describe('the secret that signs login tokens, 32 characters or more (RFC 7518, 3.2)'),
  BUILD: z
    .enum(['v1', 'v2'])
    .default('v1')
    .describe('the build to run, v1 or v2 (v2 carries the seeded faults)'),
});

export const clientConfig = z.object({
  BASE_URL: httpUrl('the shop'),
  SESSIONS: wholeNumber(1, 100_000, 40, 'how many sessions to run'),
  CONCURRENCY: wholeNumber(1, 100, 4, 'how many sessions run at once'),
  SEED: wholeNumber(0, 4_294_967_295, 1, 'the seed of every choice the sessions make'),
  THINK_MS: wholeNumber(0, 60_000, 15, 'the pause between two requests of a session in milliseconds'),
});

export type RatesConfig = z.infer<typeof ratesConfig>;
export type PaymentsConfig = z.infer<typeof paymentsConfig>;
export type ShopConfig = z.infer<typeof shopConfig>;
export type ClientConfig = z.infer<typeof clientConfig>;

/** The environment does not describe a program that can run; `problems` has one sentence for each variable. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Parses an environment once into a frozen config, or throws a ConfigError naming every problem; empty means unset. */
export function parseConfig<S extends z.ZodObject>(
  schema: S,
  env: Record<string, string | undefined>,
): Readonly<z.infer<S>> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(given);
  if (result.success) return Object.freeze(result.data);
  const names = new Set(result.error.issues.map((issue) => String(issue.path[0])));
  throw new ConfigError(
    [...names].map((name) => {
      const must = (schema.shape[name] as z.ZodType).description;
      return `${name} is ${name in given ? 'not valid' : 'missing'}: it must be ${must}.`;
    }),
  );
}
