// Rules and releases as server-sent events for the operator. They are states and no log: who comes is told how they stand,
// and who says (`Last-Event-ID`) that it knows, is told nothing until they change.
import { createHash } from 'node:crypto';
import type { FaceRequest } from './face-request.ts';

export interface StateSource {
  /** What each event says now, by its name. */
  state(): Readonly<Record<string, unknown>>;
  /** Calls when a state may have changed; gives how to leave off. */
  onState(listener: () => void): () => void;
}

/** A proxy or a caller that hears nothing for a minute gives a connection up. */
const PING_MS = 15_000;
const MAX_UNSENT_BYTES = 1 << 20;

/** Serves events until the caller is gone or the face closes. */
export function serveState({ request, response, signal }: FaceRequest, source: StateSource): Promise<void> {
  let known = String(request.headers['last-event-id'] ?? '');
  const tell = () => {
    const state = Object.entries(source.state());
    const id = createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 22);
    if (id === known || response.destroyed) return;
    known = id;
    for (const [event, data] of state)
      response.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    if (response.writableLength > MAX_UNSENT_BYTES) response.destroy();
  };
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('event: ping\ndata: \n\n');
  const leave = source.onState(tell);
  const pings = setInterval(() => response.write('event: ping\ndata: \n\n'), PING_MS);
  tell();
  return new Promise((resolve) => {
    const end = () => {
      leave();
      clearInterval(pings);
      response.end();
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
