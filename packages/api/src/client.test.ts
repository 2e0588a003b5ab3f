import { describe, expect, test } from 'vitest';
import { ApiError, createClient } from './client.ts';
import { PROBLEMS } from './problem.ts';
import type { RouteSpec } from './route-spec.ts';
import { ROUTES } from './routes.ts';

const ID = '019aa000-0000-7000-8000-000000000001';

function clientWith(answer: () => Response) {
  const calls: { url: string; init: RequestInit }[] = [];
  const fetch = async (url: unknown, init?: RequestInit) => {
    calls.push({ url: String(url), init: init! });
    return answer();
  };
  const client = createClient({
    baseUrl: 'http://c',
    fetch: fetch as typeof globalThis.fetch,
    headers: () => ({ authorization: 'Bearer k' }),
  });
  return { client, calls };
}

describe('createClient()', () => {
  test('puts params, query and body where the route wants them', async () => {
    const job = {
      id: ID,
      kind: 'k',
      subject: ID,
      state: 'queued',
      progress: 0,
      message: null,
      attempts: 0,
      createdAt: 1,
      finishedAt: null,
    };
    const { client, calls } = clientWith(() => Response.json(job));
    expect(await client.call('job', { params: { id: ID } })).toEqual(job);
    expect(calls[0]).toMatchObject({
      url: `http://c/v1/jobs/${ID}`,
      init: { method: 'GET', headers: { authorization: 'Bearer k' } },
    });
  });

  test('leaves absent filters out of the query', async () => {
    const { client, calls } = clientWith(() =>
      Response.json({ items: [], cursor: null, complete: true, scannedUntil: null }),
    );
    await client.call('traffic', { query: { limit: 5, method: 'GET', host: undefined } as never });
    expect(calls[0]!.url).toBe('http://c/v1/traffic?limit=5&method=GET');
  });

  test('throws the problem the control plane sent, and something useful when it sent none', async () => {
    const problem = {
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      code: 'not_found',
      detail: 'There is no such job.',
      requestId: 'r',
    };
    const refused = clientWith(() => Response.json(problem, { status: 404 })).client.call('job', {
      params: { id: ID },
    });
    await expect(refused).rejects.toMatchObject({
      code: 'not_found',
      status: 404,
      message: 'Not found: There is no such job.',
    });
    const broken = clientWith(() => new Response('<html>', { status: 502 })).client.call('job', {
      params: { id: ID },
    });
    await expect(broken).rejects.toThrow(ApiError);
    await expect(broken).rejects.toThrow('the control plane answered 502');
  });

  test('refuses an answer that breaks the contract', async () => {
    const { client } = clientWith(() => Response.json({ id: 'x' }));
    await expect(client.call('job', { params: { id: ID } })).rejects.toThrow(/invalid/i);
  });

  test('reads no more than an answer may have', async () => {
    let sent = 0;
    const endless = () => {
      const pull = (controller: ReadableStreamDefaultController) => {
        sent++;
        controller.enqueue(new Uint8Array(1 << 20).fill(0x20));
      };
      return new Response(new ReadableStream({ pull }));
    };
    const { client } = clientWith(endless);
    await expect(client.call('me', {})).rejects.toThrow(/more than 67108864 bytes/);
    expect(sent).toBeLessThan(70);
  });
});

describe('the route table', () => {
  const routes = Object.entries(ROUTES) as [string, RouteSpec][];

  test('has no verb and path twice, and all paths under /v1', () => {
    const keys = routes.map(([, spec]) => `${spec.method} ${spec.path}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.filter((key) => !key.includes(' /v1/'))).toEqual([]);
  });

  test('has a schema for every parameter of every path', () => {
    for (const [name, spec] of routes) {
      const named = [...spec.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
      expect({ name, params: Object.keys(spec.params?.shape ?? {}) }).toEqual({ name, params: named });
    }
  });

  test('answers 204 exactly where there is nothing to answer', () => {
    expect(routes.filter(([, spec]) => spec.status === 204 && spec.response)).toEqual([]);
  });
});

test('problem codes are words a program can rely on', () => {
  expect(Object.keys(PROBLEMS).filter((code) => !/^[a-z]+(_[a-z]+)*$/.test(code))).toEqual([]);
});

test('a refusal says which fields are wrong', async () => {
  const problem = {
    ...{ type: 'about:blank', title: 'The request is not valid', status: 400, code: 'invalid_request' },
    ...{ detail: 'Correct the fields listed under errors.', requestId: 'r' },
    errors: [{ path: 'params.id', message: 'Invalid UUID' }],
  };
  const { client } = clientWith(() => Response.json(problem, { status: 400 }));
  await expect(client.call('job', { params: { id: 'x' } })).rejects.toThrow(
    'The request is not valid: params.id: Invalid UUID.',
  );
});
