// The forward proxy's own answers: a client that asked for a connection always gets a status (some clients retry at
// once, for ever, when a proxy just closes).
import type { Socket } from 'node:net';
import type { Metrics } from './metrics.ts';

export const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
const REASONS = { 400: 'Bad Request', 502: 'Bad Gateway' } as const;
const LINGER_MS = 2_000;

/** Answers with a short text and closes. What the client still sends is read and dropped, so that no reset overtakes the answer. */
export function answer(client: Socket, status: keyof typeof REASONS, text: string, metrics: Metrics): void {
  metrics.count('proxy_answers', String(status));
  const body = `${text}\n`;
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  client.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  client.resume();
  const timer = setTimeout(() => client.destroy(), LINGER_MS);
  client.once('close', () => clearTimeout(timer));
}

/** The sentence for a destination that cannot be reached. */
export function unreachable(host: string, port: number, error: NodeJS.ErrnoException): string {
  return `The sidecar cannot reach ${host}:${port} (${error.code ?? error.message}).`;
}
