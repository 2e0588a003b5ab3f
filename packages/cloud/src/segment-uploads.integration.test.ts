import { connect } from 'node:net';
import { BYTES, createClient } from '@echoplane/api';
import { ObjectMissing, type ObjectStore, readObject } from '@echoplane/runtime';
import { segmentKey } from '@echoplane/traffic';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from './app.ts';
import { type ControlPlane, clock, startControlPlane, type TestTenant } from './control-plane.fixture.ts';
import { MAX_SEGMENT_BYTES } from './segment-uploads.ts';
import { makePair, makeSegment } from './traffic.fixture.ts';

let plane: ControlPlane;
let baseUrl: string;

beforeAll(async () => {
  plane = await startControlPlane();
  baseUrl = await plane.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => plane?.stop());

const clientOf = (tenant: TestTenant, url = baseUrl) =>
  createClient({ baseUrl: url, fetch, headers: () => ({ authorization: `Bearer ${tenant.keys.agent}` }) });

const streamOf = (bytes: Buffer) => ({ bytes: new Blob([bytes]).stream(), sizeBytes: bytes.length });

function segmentOf(tenant: TestTenant, sizeBytes = 100) {
  return makeSegment(tenant.id, [makePair({ ts: clock.nowUs(), responseBody: 'x'.repeat(sizeBytes) })]);
}

describe('an upload', () => {
  test('stores the bytes under the key of its tenant, id and time, and may be repeated', async () => {
    const { id, bytes, shipped } = segmentOf(plane.ann, 300_000);
    const { key, manifest } = shipped;
    const input = { params: { id }, query: { openedAt: manifest.openedAt } };
    for (let n = 0; n < 2; n++) {
      const stored = await clientOf(plane.ann).call('uploadSegment', { ...input, stream: streamOf(bytes) });
      expect(stored).toEqual({ key, sizeBytes: bytes.length });
    }
    expect((await readObject(plane.store, key)).equals(bytes)).toBe(true);
    expect(await clientOf(plane.ann).call('ingestSegment', { body: shipped })).toMatchObject({ rows: 1 });
  });

  test('never reaches another tenant, whatever it names', async () => {
    const { id, bytes, shipped } = segmentOf(plane.ann);
    const { openedAt } = shipped.manifest;
    const input = { params: { id }, query: { openedAt }, stream: streamOf(bytes) };
    const stored = await clientOf(plane.bob).call('uploadSegment', input);
    expect(stored.key).toBe(segmentKey(plane.bob.id, id, openedAt));
    expect(await plane.store.list(shipped.key)).toEqual([]);
  });

  test('that breaks off leaves nothing', async () => {
    const { id, shipped } = segmentOf(plane.ann);
    const stored = Promise.withResolvers<{ outcome: Promise<unknown> }>();
    const put: ObjectStore['put'] = (...args) => {
      const putting = plane.store.put(...args);
      stored.resolve({ outcome: putting.catch((err: Error) => err) });
      return putting;
    };
    const services = { ...plane.services, store: { ...plane.store, put } };
    const app = await buildApp({ services, metrics: async () => [] });
    const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
    const socket = connect(Number(port), '127.0.0.1');
    const path = `/v1/ingest/segments/${id}?openedAt=${shipped.manifest.openedAt}`;
    const head = `PUT ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${plane.ann.keys.agent}`;
    socket.write(`${head}\r\ncontent-type: ${BYTES}\r\ncontent-length: 5000\r\n\r\nhalf of it`);
    const { outcome } = await stored.promise;
    socket.destroy();
    expect(await outcome).toBeInstanceOf(Error);
    await expect(plane.store.size(shipped.key)).rejects.toThrow(ObjectMissing);
    await app.close();
  });

  test.each([
    [
      'too large a segment',
      'application/octet-stream',
      String(MAX_SEGMENT_BYTES + 1),
      413,
      'payload_too_large',
    ],
    ['another content type', 'application/json', '2', 400, 'invalid_request'],
  ])('refuses %s', async (_what, type, length, status, code) => {
    const answer = await plane.app.inject({
      ...{ method: 'PUT', url: `/v1/ingest/segments/${segmentOf(plane.ann).id}?openedAt=${clock.nowUs()}` },
      headers: {
        authorization: `Bearer ${plane.ann.keys.agent}`,
        'content-type': type,
        'content-length': length,
      },
      payload: '{}',
    });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ code });
  });
});

describe('a grant', () => {
  const request = { openedAt: 1.79e15, sizeBytes: 10 };

  test('is refused with a way out when the store is a folder', async () => {
    const { id } = segmentOf(plane.ann);
    const refused = clientOf(plane.ann).call('grantSegment', { params: { id }, body: request });
    await expect(refused).rejects.toMatchObject({ status: 409, code: 'conflict' });
    await expect(refused).rejects.toThrow(/is a folder.*use ECHOPLANE_SHIP=upload/);
  });

  test('is for the key of its tenant and the size that was said, up to a limit', async () => {
    const signed: unknown[] = [];
    const presign = async (grant: unknown) => {
      signed.push(grant);
      return { url: 'http://store/x', headers: { 'content-length': '10' } };
    };
    const app = await buildApp({ services: { ...plane.services, presign }, metrics: async () => [] });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const { id } = segmentOf(plane.ann);
    const key = segmentKey(plane.ann.id, id, request.openedAt);
    const client = clientOf(plane.ann, url);
    const granted = await client.call('grantSegment', { params: { id }, body: request });
    expect(granted).toMatchObject({ key, url: 'http://store/x', headers: { 'content-length': '10' } });
    expect(signed).toEqual([{ key, sizeBytes: 10, expiresS: 900 }]);
    const large = { ...request, sizeBytes: MAX_SEGMENT_BYTES + 1 };
    const refused = client.call('grantSegment', { params: { id }, body: large });
    await expect(refused).rejects.toMatchObject({ code: 'payload_too_large' });
    await app.close();
  });
});
