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
}

/** The server; the caller listens and closes. */
export function createFace(options: FaceOptions): Server {
  return createServer((request, response) => {
    void answer(request, response, options).catch(() => response.destroy());
  });
}

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
  if (!page) return void send(404, 'text/plain', 'there is no such page\n');
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
