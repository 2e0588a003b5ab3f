// A small RRPair to start from, for tests of the rules.
import { type HeaderList, type RRPair, storeBody, uuidV7 } from '@echoplane/traffic';

export interface PairSketch {
  n?: number;
  tsUs?: number;
  direction?: 'IN' | 'OUT';
  protocol?: string;
  method?: string;
  url?: string;
  headers?: HeaderList;
  body?: unknown;
  /** null: no response came. */
  status?: number | null;
  responseHeaders?: HeaderList;
  responseBody?: unknown;
  durationUs?: number;
  session?: string | null;
  connection?: string;
  tags?: Record<string, string>;
  error?: RRPair['error'];
}

const START_US = 1_800_000_000_000_000;

/** A pair as the forwarder makes it; bodies that are not text are sent as JSON. */
export function sketch(of: PairSketch = {}): RRPair {
  const { n = 1, direction = 'IN', status = 200 } = of;
  const ts = of.tsUs ?? START_US + n * 1000;
  const random = Buffer.alloc(10);
  random.writeUInt32BE(n, 4);
  return {
    v: 1,
    id: uuidV7(ts, random),
    ts,
    durationUs: of.durationUs ?? 5_000,
    ttfbUs: status === null ? null : 2_000,
    direction,
    protocol: of.protocol ?? 'http/1.1',
    source: {
      cluster: 'c',
      namespace: 'n',
      workload: { kind: 'Deployment', name: 'shop' },
      pod: 'p',
      container: 'app',
    },
    client: { ip: '127.0.0.1', port: 40_000, host: null },
    server: { ip: '127.0.0.1', port: 8080, host: 'shop' },
    tls: null,
    connection: { id: of.connection ?? 'k1', seq: n },
    session: of.session ?? null,
    request: {
      method: of.method ?? 'GET',
      url: of.url ?? 'http://shop:8080/',
      headers: of.headers ?? [['Host', 'shop:8080']],
      body: bodyOf(of.body),
    },
    response:
      status === null
        ? null
        : {
            status,
            headers: of.responseHeaders ?? [['Content-Type', 'application/json']],
            body: bodyOf(of.responseBody),
          },
    error: of.error ?? null,
    tags: of.tags ?? {},
    redactions: [],
  };
}

function bodyOf(value: unknown) {
  const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return storeBody(Buffer.from(text), 'identity');
}
