// Owns a run of the client: N sessions, a few at a time, counted and reported line by line.
// A session that meets an unexpected answer ends there; the others go on.
// Must not know what a session does (client-session.ts) or where lines go.
import { runSession, UnexpectedAnswer } from './client-session.ts';
import type { ClientConfig } from './config.ts';

/** What a run came to; `sessions` counts those that ended, well or not. */
export type ClientResult = { sessions: number; requests: number; unexpected: number };

type Emit = (event: Record<string, unknown>) => void;

/** Runs all sessions; stops early, without error, when the signal aborts. */
export async function runClient(
  config: ClientConfig,
  signal: AbortSignal,
  emit: Emit,
): Promise<ClientResult> {
  const result: ClientResult = { sessions: 0, requests: 0, unexpected: 0 };
  const numbers = Iterator.from(Array(config.SESSIONS).keys());
  const worker = async () => {
    // The workers draw from one iterator, so each number is taken once.
    for (let next = numbers.next(); !next.done && !signal.aborted; next = numbers.next()) {
      await runCounted(config, next.value, { signal, emit, result });
    }
  };
  await Promise.all(Array.from({ length: config.CONCURRENCY }, worker));
  return result;
}

type Run = { signal: AbortSignal; emit: Emit; result: ClientResult };

async function runCounted(
  config: ClientConfig,
  number: number,
  { signal, emit, result }: Run,
): Promise<void> {
  try {
    await runSession({
      baseUrl: config.BASE_URL,
      number,
      seed: config.SEED,
      thinkMs: config.THINK_MS,
      signal,
      onRequest: () => {
        result.requests += 1;
      },
    });
  } catch (error) {
    if (signal.aborted) return;
    result.unexpected += 1;
    emit({ event: 'unexpected', session: number, ...describe(error) });
  }
  result.sessions += 1;
  emit({ event: 'session', n: result.sessions, of: config.SESSIONS });
}

function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof UnexpectedAnswer)) return { error: String(error) };
  const { request, expected, status, cause } = error;
  return { request, expected, status, ...(cause ? { error: String((cause as Error).cause ?? cause) } : {}) };
}
