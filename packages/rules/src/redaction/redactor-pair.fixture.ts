// A small pair to plant things in.
import type { RRPair } from '@echoplane/traffic';

/** A request and a response, both without headers and bodies. */
export function sketch(): RRPair {
  return {
    v: 1,
    id: '01976a3e-0000-7000-8000-000000000001',
    ts: 1_800_000_000_000_000,
    durationUs: 5_000,
    ttfbUs: 2_500,
    direction: 'IN',
    protocol: 'http/1.1',
    source: {
      ...{ cluster: 'c', namespace: 'n', workload: { kind: 'Deployment', name: 'shop' } },
      ...{ pod: 'p', container: 'app' },
    },
    client: { ip: '127.0.0.1', port: 40_000, host: null },
    server: { ip: '127.0.0.1', port: 8080, host: 'shop' },
    tls: null,
    connection: { id: 'k1', seq: 0 },
    session: null,
    request: {
      method: 'POST',
      url: 'http://shop:8080/orders',
      headers: [],
      body: { size: 0, encoding: 'identity' },
    },
    response: { status: 200, headers: [], body: { size: 0, encoding: 'identity' } },
    error: null,
    tags: {},
    redactions: [],
  };
}
