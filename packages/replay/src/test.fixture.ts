// A small test and its live answers to start from, for tests. Bodies that are not text are JSON.
import { type Body, type HeaderList, type HttpResponse, storeBody, type Test } from '@echoplane/traffic';
import { fixedId } from '@echoplane/traffic/pair.fixture';

export const RECORDED_US = 1_800_000_000_000_000;

export interface AnswerSketch {
  status?: number;
  headers?: HeaderList;
  trailers?: HeaderList;
  body?: unknown;
  /** The Content-Type; JSON when absent. */
  type?: string;
}

export interface TestSketch extends AnswerSketch {
  n?: number;
  /** µs after the first test of the recording. */
  atUs?: number;
  durationUs?: number;
  method?: string;
  target?: string;
  requestHeaders?: HeaderList;
  requestBody?: unknown;
  consumes?: string[];
  produces?: Test['produces'];
  volatile?: Test['volatile'];
  links?: Test['links'];
  unordered?: string[];
  orders?: Test['orders'];
  optional?: Test['optional'];
  beside?: string[];
  settling?: Test['settling'];
  server?: string;
}

/** A body as recordings hold it. */
export function sketchBody(value: unknown): Body {
  const bytes = Buffer.isBuffer(value)
    ? value
    : Buffer.from(value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value));
  return storeBody(bytes, 'identity');
}

export function sketchAnswer({
  status = 200,
  headers = [],
  trailers,
  body,
  type = 'application/json',
}: AnswerSketch): HttpResponse {
  return {
    status,
    headers: [...(body === undefined ? [] : [['Content-Type', type] as [string, string]]), ...headers],
    ...(trailers ? { trailers } : {}),
    body: sketchBody(body),
  };
}

export function sketchTest(sketch: TestSketch): Test {
  const {
    n = 1,
    atUs = 0,
    durationUs = 5_000,
    method = 'GET',
    target = '/things',
    links,
    unordered,
    orders,
    optional,
    beside,
    settling,
    server,
  } = sketch;
  return {
    id: fixedId(n),
    ...{ session: 's1', order: n, offsetUs: atUs, endpoint: target, headless: false },
    request: {
      ...{ method, target },
      headers: [['Host', 'shop:8080'], ...(sketch.requestHeaders ?? [])],
      body: sketchBody(sketch.requestBody),
    },
    response: sketchAnswer(sketch),
    ...{ durationUs, ts: RECORDED_US + atUs },
    ...{ consumes: sketch.consumes ?? [], produces: sketch.produces ?? [], volatile: sketch.volatile ?? [] },
    ...(links ? { links } : {}),
    ...(unordered ? { unordered } : {}),
    ...(orders ? { orders } : {}),
    ...(optional ? { optional } : {}),
    ...(beside ? { beside } : {}),
    ...(settling ? { settling } : {}),
    ...(server ? { server } : {}),
  };
}
