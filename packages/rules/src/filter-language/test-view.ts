// A test and its live answer as the expressions of a test config see them: under the endpoint, session and service that the
// analyzer gave the test. `when` is asked of the recorded exchange, `expect` of the live one.
import type { RRPair, Test } from '@echoplane/traffic';
import { ExpressionView } from './view.ts';

const NOWHERE = { ip: '', port: 0, host: null };

class TestView extends ExpressionView {
  readonly #test: Test;

  constructor(test: Test, pair: RRPair) {
    super(pair);
    this.#test = test;
  }

  override get endpoint(): string {
    return this.#test.endpoint;
  }
  override get session(): string {
    return this.#test.session;
  }
  override get service(): string {
    return this.#test.service ?? super.service;
  }
}

/** The exchange that a test was made of. */
export function recordedViewOf(test: Test): ExpressionView {
  const { request, response, service = '' } = test;
  const [cluster = '', namespace = '', name = ''] = service.split('/');
  const host = request.headers.find(([header]) => header.toLowerCase() === 'host')?.[1] ?? '';
  return new TestView(test, {
    ...{ v: 1, id: test.id, ts: test.ts ?? 0, durationUs: test.durationUs, ttfbUs: null, direction: 'IN' },
    ...{
      protocol: test.protocol ?? 'http/1.1',
      session: test.session,
      error: null,
      tags: {},
      redactions: [],
    },
    source: { cluster, namespace, workload: { kind: '', name }, pod: '', container: '' },
    ...{ client: NOWHERE, server: NOWHERE, tls: null, connection: { id: '', seq: 0 } },
    request: {
      ...{ method: request.method, url: `http://${host}${request.target}` },
      ...{ headers: request.headers, body: request.body },
    },
    response,
  } as RRPair);
}

/** The live exchange of a test. */
export function liveViewOf(test: Test, live: RRPair): ExpressionView {
  return new TestView(test, live);
}
