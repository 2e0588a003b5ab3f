// A program's own face: `/healthz`, `/readyz`, `/metrics` (Prometheus text) and further read-only JSON pages, on a
// small server of its own so that it answers whatever the main work does.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** A metric as it is read at the moment of a scrape. `labels` are appended to the name as `{key="value"}`. */
export interface Sample {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  values: { labels?: Record<string, string>; value: number }[];
}

export interface FaceOptions {
  /** Null when ready, else the reason why not. */
  notReady: () => string | null;
  metrics: () => Sample[];
  /** Further pages: path → JSON value, or a promise of it. `POST` paths are given as `POST /path`. */
  pages?: Record<string, () => unknown>;
  /** Answers what no list of pages can name; null: there is no such page. */
  open?: (request: IncomingMessage) => Promise<FaceAnswer> | null;
}

export interface FaceAnswer {
  status: number;
  text: string;
}

/** A client that is slower than this, or greedier, is cut off: the face must answer whatever hangs on it. */
const BOUNDS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 << 10,
};
const MAX_CONNECTIONS = 256;

/** The server; the caller listens and closes. */
export function createFace(options: FaceOptions): Server {
  const server = createServer(BOUNDS, (request, response) => {
    void answer(request, response, options).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

const NO_PAGE: FaceAnswer = { status: 404, text: 'there is no such page' };

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: FaceOptions,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0]!;
  const send = (status: number, type: string, body: string) =>
    response.writeHead(status, { 'content-type': type }).end(body);
  if (path === '/healthz') return void send(200, 'text/plain', 'ok\n');
  if (path === '/readyz') {
    const reason = options.notReady();
    return void send(reason ? 503 : 200, 'text/plain', `${reason ?? 'ready'}\n`);
  }
  if (path === '/metrics')
    return void send(200, 'text/plain; version=0.0.4', renderMetrics(options.metrics()));
  const page = options.pages?.[request.method === 'GET' ? path : `${request.method} ${path}`];
  if (!page) {
    const { status, text } = (await options.open?.(request)) ?? NO_PAGE;
    return void send(status, 'text/plain', `${text}\n`);
  }
  send(200, 'application/json', `${JSON.stringify(await page())}\n`);
}

/** Prometheus text exposition format 0.0.4. */
export function renderMetrics(samples: Sample[]): string {
  const lines: string[] = [];
  for (const { name, help, type, values } of samples) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { labels, value } of values) lines.push(`${name}${renderLabels(labels)} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function renderLabels(labels: Record<string, string> | undefined): string {
  const entries = Object.entries(labels ?? {});
  if (entries.length === 0) return '';
  const quote = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `{${entries.map(([key, value]) => `${key}="${quote(value)}"`).join(',')}}`;
}
