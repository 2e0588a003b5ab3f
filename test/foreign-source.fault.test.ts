// The capture stream spoken by a program that shares nothing with ours: another language, no library, written from
// docs/capture-stream.md. What it sends is in the store, and what the page says is what the code does.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ForwarderStage } from './forwarder-stage.ts';

const ROOT = join(import.meta.dirname, '..');

let stage: ForwarderStage;

beforeEach(async () => {
  stage = await ForwarderStage.open();
});
afterEach(() => stage.close());

test('three pairs of a Python program are stored, once, and accounted for', async () => {
  const script = join(ROOT, 'test', 'foreign_source.py');
  const { stdout } = await promisify(execFile)('python3', [
    script,
    '127.0.0.1',
    String(stage.forwarder.port),
  ]);
  const ids = stdout.trim().split('\n');
  const pairs = await stage.stored();
  expect(pairs.map(({ id }) => id)).toEqual(ids);
  const [read, written, unanswered] = pairs;
  for (const pair of pairs)
    expect(pair).toMatchObject({
      ...{ direction: 'IN', protocol: 'http/1.1', durationUs: 1_500, tags: { 'written-in': 'python' } },
      source: {
        ...{ cluster: 'local', namespace: 'demo', pod: 'shop-1', container: 'app' },
        workload: { kind: 'Deployment', name: 'shop' },
      },
      server: { ip: '10.0.0.8', port: 8080, host: 'shop' },
      connection: { id: 'python-1' },
    });
  expect(read).toMatchObject({
    ...{ ttfbUs: 900, tls: null },
    request: { method: 'GET', url: 'http://shop:8080/orders/1?full=1' },
    response: { status: 200, body: { json: { order: 'grün' } } },
  });
  expect(written).toMatchObject({
    request: { method: 'POST', url: 'https://shop/orders', body: { json: { order: 'grün' } } },
    tls: { sni: 'shop', version: 'TLSv1.3', alpn: 'http/1.1' },
  });
  expect(unanswered).toMatchObject({ ttfbUs: null, response: null, error: 'timeout' });
  expect(stage.cloud.report('import')).toMatchObject({
    service: 'local/demo/shop',
    counters: { captured: 3, delivered: 3, withheld: {}, dropped: {} },
  });
});

test('the schema on the page is the one in the code', () => {
  const page = readFileSync(join(ROOT, 'docs', 'capture-stream.md'), 'utf8');
  const code = readFileSync(join(ROOT, 'packages', 'wire', 'src', 'capture-messages.ts'), 'utf8');
  const onPage = /```proto\n(.*?)```/s.exec(page)?.[1];
  expect(onPage).toBeDefined();
  expect(onPage).toBe(/const PROTO = `\n(.*?)`;/s.exec(code)?.[1]);
});
