// A small RRPair to start from, for tests.
import { storeBody } from './body.ts';
import type { HeaderList, RRPair } from './rrpair.ts';
import { uuidV7 } from './uuid.ts';

export interface PairSketch {
  n?: number;
  tsUs?: number;
  direction?: 'IN' | 'OUT';
  method?: string;
  url?: string;
  requestHeaders?: HeaderList;
  requestBody?: unknown;
  status?: number;
  responseHeaders?: HeaderList;
  responseBody?: unknown;
  durationUs?: number;
  tags?: Record<string, string>;
  connection?: string;
}

const START_US = 1_800_000_000_000_000;

/** An id that is the same in every run. */
export function fixedId(n: number): string {
  const random = Buffer.alloc(10);
  random.writeUInt32BE(n, 4);
  return uuidV7(START_US, random);
}

/** A schema-valid HTTP pair; bodies that are not text are sent as JSON. */
export function sketchPair(sketch: PairSketch = {}): RRPair {
  const { n = 1, tsUs = START_US + n * 1000, direction = 'IN', durationUs = 5_000 } = sketch;
  const body = (value: unknown) =>
    storeBody(
      Buffer.from(value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)),
      'identity',
    );
  const json: HeaderList = [['Content-Type', 'application/json']];
  return {
    v: 1,
    id: fixedId(n),
    ts: tsUs,
    durationUs,
    ttfbUs: Math.floor(durationUs / 2),
    direction,
    protocol: 'http/1.1',
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
    connection: { id: sketch.connection ?? 'k1', seq: n },
    session: null,
    request: {
      method: sketch.method ?? 'GET',
      url: sketch.url ?? 'http://shop:8080/',
      headers: sketch.requestHeaders ?? [['Host', 'shop:8080']],
      body: body(sketch.requestBody),
    },
    response: {
      status: sketch.status ?? 200,
      headers: sketch.responseHeaders ?? json,
      body: body(sketch.responseBody),
    },
    error: null,
    tags: sketch.tags ?? {},
    redactions: [],
  };
}
