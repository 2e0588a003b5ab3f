// The demo's front door: `main.ts shop | payments | rates | client`, each its own process with its own environment.
// The life of each: config (exit 64 if wrong) ─▶ start ─▶ one "listening" line ─▶ SIGTERM or SIGINT ─▶ close ─▶ exit 0.
// The client runs to its end instead. An ordinary application: it knows nothing of the product that records it.
import { runClient } from './client.ts';
import { ConfigError, clientConfig, parseConfig, paymentsConfig, ratesConfig, shopConfig } from './config.ts';
import { startPayments } from './payments.ts';
import { startRates } from './rates.ts';
import { type RunningService, StartError } from './service.ts';
import { startShop } from './shop.ts';

const EXIT = { ok: 0, failed: 1, usage: 64 };

const servers: Record<string, () => Promise<RunningService>> = {
  rates: async () => startRates(parseConfig(ratesConfig, process.env)),
  payments: async () => startPayments(parseConfig(paymentsConfig, process.env)),
  shop: async () => startShop(parseConfig(shopConfig, process.env)),
};

const stop = new AbortController();
const stopped = new Promise<undefined>((resolve) =>
  stop.signal.addEventListener('abort', () => resolve(undefined)),
);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort(new Error(signal)));

const program = process.argv[2] ?? '';
try {
  process.exit(await run(program));
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  const sentences = error instanceof ConfigError ? error.problems : [error.message];
  for (const sentence of sentences) process.stderr.write(`${program}: ${sentence}\n`);
  process.exit(error instanceof ConfigError ? EXIT.usage : EXIT.failed);
}

async function run(name: string): Promise<number> {
  if (name === 'client') return client();
  const start = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (start) return serve(name, start);
  process.stderr.write('Say which program to run: shop, payments, rates or client.\n');
  return EXIT.usage;
}

async function serve(service: string, start: () => Promise<RunningService>): Promise<number> {
  const running = await Promise.race([start(), stopped]);
  if (!running) return EXIT.ok;
  emit({ event: 'listening', service, port: running.port });
  await stopped;
  await running.close();
  return EXIT.ok;
}

async function client(): Promise<number> {
  const result = await runClient(parseConfig(clientConfig, process.env), stop.signal, emit);
  if (stop.signal.aborted) {
    emit({ event: 'stopped', ...result });
    return EXIT.ok;
  }
  emit({ event: 'done', ...result });
  return result.unexpected === 0 ? EXIT.ok : EXIT.failed;
}

function emit(event: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
