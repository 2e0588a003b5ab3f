import { gunzipSync, gzipSync } from 'node:zlib';
import { bodyBytes, bodyText, type HeaderList, storeBody, type Test } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { requestLeaves } from './leaves.ts';
import { LiveValues } from './live-values.ts';
import { sketchAnswer, sketchTest, type TestSketch } from './test.fixture.ts';

const A = '2c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';
const SECRET = ['k4Xz91bQ7xZp04LmNoPq', 'a"b/c=&d+e'] as const;

/** Values after one answer that handed out `recorded`, then `live`. */
function having(recorded: string, live: string): LiveValues {
  const values = new LiveValues(new Map([['t1', recorded]]));
  const producer = sketchTest({ body: { v: recorded }, produces: [{ token: 't1', path: 'body.v' }] });
  values.learn(producer, sketchAnswer({ body: { v: live } }));
  return values;
}

const fill = (values: LiveValues, sketch: TestSketch) =>
  values.fill(sketchTest({ consumes: ['t1'], ...sketch }));

/** Values after a flow's 17 became 23. */
function flowing(live: unknown = 23, recorded: unknown = 17): LiveValues {
  const values = new LiveValues(new Map());
  const links: Test['links'] = [{ in: 'response', path: 'body.id', flow: 'f' }];
  const created = sketchTest({ method: 'POST', body: { id: recorded }, links });
  const answer = sketchAnswer({ body: { id: live } });
  compareTest(created, answer, { values, times: null });
  values.learn(created, answer);
  return values;
}

const asked = (...paths: string[]): Pick<TestSketch, 'links'> => ({
  links: paths.map((path) => ({ in: 'request' as const, path, flow: 'f' })),
});

describe('LiveValues.fill() puts a token', () => {
  test('in target, headers, cookies and JSON, as each of them is written', () => {
    const [was, is] = SECRET;
    const { request, unresolved } = fill(having(was, is), {
      target: `/t/${was}?q=${was}`,
      requestHeaders: [
        ['Cookie', `sid=${was}; b=1`],
        ['X-Key', was],
      ],
      requestBody: { key: was, note: `for ${was}.`, other: `${was}x` },
    });
    expect(unresolved).toEqual([]);
    expect(requestLeaves(request).map(({ path, value }) => `${path}=${value}`)).toEqual([
      'method=GET',
      'path[0]=t',
      `path[1]=${is}`,
      `query.q=${is}`,
      `cookie.sid=${is}`,
      'cookie.b=1',
      `header.x-key=${is}`,
      `body.key=${is}`,
      `body.note=for ${is}.`,
      `body.other=${was}x`,
    ]);
    expect(request.body.size).toBe(bodyBytes(request.body).length);
  });

  test('that is percent-encoded where it came from, decoded where it is not, and the reverse', () => {
    const { request } = fill(having('a%2Fb9%3D', 'c%2Fd7%3D'), {
      requestHeaders: [
        ['X-Xsrf-Token', 'a/b9='],
        ['Cookie', 'x=a%2Fb9%3D'],
      ],
    });
    expect(request.headers.slice(1)).toEqual([
      ['X-Xsrf-Token', 'c/d7='],
      ['Cookie', 'x=c%2Fd7%3D'],
    ]);
    const at = '2026-11-21T03:04:05Z';
    expect(
      fill(having(at, '2026-12-24T00:00:00Z'), { target: `/?since=${encodeURIComponent(at)}` }).request
        .target,
    ).toBe(`/?since=${encodeURIComponent('2026-12-24T00:00:00Z')}`);
  });

  test('behind base64 and inside an unsigned JWT, and leaves a signed one as it is', () => {
    const jwt = (signature: string, id: string) =>
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: id })).toString('base64url')}.${signature}`;
    const basic = (id: string) => `Basic ${btoa(`user:${id}`)}`;
    const sent = (id: string): HeaderList => [
      ['Authorization', basic(id)],
      ['X-A', jwt('', id)],
    ];
    const { request } = fill(having(A, B), { requestHeaders: [...sent(A), ['X-B', jwt('c2ln', A)]] });
    expect(request.headers.slice(1)).toEqual([...sent(B), ['X-B', jwt('c2ln', A)]]);
  });

  test('in a compressed body, which is compressed again', () => {
    const plain = (id: string) => JSON.stringify({ id, text: 'x'.repeat(50) });
    const made = sketchTest({ consumes: ['t1'] });
    const { request } = having(A, B).fill({
      ...made,
      request: { ...made.request, body: storeBody(gzipSync(plain(A)), 'gzip') },
    });
    expect(gunzipSync(bodyBytes(request.body)).toString()).toBe(plain(B));
    expect(bodyText(request.body)).toBe(plain(B));
  });

  test('in a form, in XML, in parts, and in a gRPC message whose lengths follow', () => {
    const [was, is] = SECRET;
    const sent = (type: string, requestBody: unknown) => {
      const { request } = fill(having(was, is), { requestHeaders: [['Content-Type', type]], requestBody });
      return requestLeaves(request)
        .filter(({ path }) => path.startsWith('body'))
        .map(({ path, value }) => `${path}=${value}`);
    };
    expect(sent('application/x-www-form-urlencoded', `a=${was}&b=1`)).toEqual([`body.a=${is}`, 'body.b=1']);
    expect(sent('text/xml', `<o k="${was}">${was}</o>`)).toEqual([`body.o.@k=${is}`, `body.o.text()=${is}`]);
    expect(
      sent(
        'multipart/form-data; boundary=b',
        `--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n${was}\r\n--b--\r\n`,
      ),
    ).toEqual([`body.part.a=${is}`]);
    const inner = [10, was.length, ...Buffer.from(was)];
    const message = [18, inner.length, ...inner, 8, 7];
    expect(sent('application/grpc', Buffer.from([0, 0, 0, 0, message.length, ...message]))).toEqual([
      `body[0].2.1=${is}`,
      'body[0].1=7',
    ]);
  });

  test('not where a longer word only begins alike; the recorded one stays, and is named, where none came', () => {
    const values = having('DUzcAhBSHUhJhQeqmTXPkuyi', 'another');
    expect(
      fill(values, { target: '/DUzcAhBSHUhJhQeqmTXPkuyiX/order-DUzcAhBSHUhJhQeqmTXPkuyi-x' }).request.target,
    ).toBe('/DUzcAhBSHUhJhQeqmTXPkuyiX/order-another-x');
    const unknown = new LiveValues(new Map([['t1', A]]));
    const tested = sketchTest({ target: `/${A}`, consumes: ['t1', 'off'] });
    expect(unknown.fill(tested)).toEqual({ request: tested.request, unresolved: ['t1'] });
  });

  test('without confusing two that change places', () => {
    const values = new LiveValues(
      new Map([
        ['a', A],
        ['b', B],
      ]),
    );
    const produces = [
      { token: 'a', path: 'body.a' },
      { token: 'b', path: 'body.b' },
    ];
    values.learn(sketchTest({ body: { a: A, b: B }, produces }), sketchAnswer({ body: { a: B, b: A } }));
    expect(values.fill(sketchTest({ target: `/${A}/${B}`, consumes: ['a', 'b'] })).request.target).toBe(
      `/${B}/${A}`,
    );
  });
});

describe('LiveValues.fill() puts a value of a flow', () => {
  test('at its places only, of the type that stood there', () => {
    const { request } = flowing().fill(
      sketchTest({
        ...asked(
          'path[1]',
          'query.after',
          'header.x-order',
          'cookie.last',
          'body.ids[]',
          'body.id',
          'body.text',
          'body.url#1',
        ),
        target: '/orders/17/17?after=17&n=17',
        requestHeaders: [
          ['X-Order', '17'],
          ['Cookie', 'last=17; n=17'],
        ],
        requestBody:
          '{ "ids": [17, 3], "id": "17", "text": 17, "n": 17, "big": 12345678901234567890, "url": "/o/17" }',
      }),
    );
    expect(request.target).toBe('/orders/23/17?after=23&n=17');
    expect(request.headers.slice(1)).toEqual([
      ['X-Order', '23'],
      ['Cookie', 'last=23; n=17'],
    ]);
    expect(bodyText(request.body)).toBe(
      '{ "ids": [23, 3], "id": "23", "text": 23, "n": 17, "big": 12345678901234567890, "url": "/o/23" }',
    );
  });

  test('in forms, XML, parts, behind base64 and in gRPC messages', () => {
    const sent = (type: string, path: string, requestBody: unknown) => {
      const made = sketchTest({ ...asked(path), requestHeaders: [['Content-Type', type]], requestBody });
      return bodyBytes(flowing().fill(made).request.body);
    };
    expect(sent('application/x-www-form-urlencoded', 'body.id', 'n=17&id=17').toString()).toBe('n=17&id=23');
    expect(sent('text/xml', 'body.o.i[].@id', '<o><i id="17"/><i id="1">17</i></o>').toString()).toBe(
      '<o><i id="23"/><i id="1">17</i></o>',
    );
    expect(
      sent(
        'multipart/form-data; boundary=b',
        'body.part.a',
        '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n17\r\n--b--\r\n',
      ).toString(),
    ).toContain('\r\n\r\n23\r\n');
    expect(sent('application/json', 'body.node!b64#1', { node: btoa('Order:17') }).toString()).toBe(
      JSON.stringify({ node: btoa('Order:23') }),
    );
    expect(
      sent('application/json', 'body.after!b64.id', { after: btoa('{"id":17,"n":17}') }).toString(),
    ).toBe(JSON.stringify({ after: btoa('{"id":23,"n":17}') }));
    expect([...sent('application/grpc', 'body[].1', Buffer.from([0, 0, 0, 0, 4, 8, 17, 16, 17]))]).toEqual([
      0, 0, 0, 0, 4, 8, 23, 16, 17,
    ]);
  });

  test('percent-encoded in a path', () => {
    expect(flowing('a/é', 'b').fill(sketchTest({ ...asked('path[0]'), target: '/b/c' })).request.target).toBe(
      '/a%2F%C3%A9/c',
    );
  });
});

describe('LiveValues', () => {
  test('gives back the very request when nothing differs', () => {
    const tested = sketchTest({ ...asked('path[1]'), target: `/orders/17?t=${A}`, consumes: ['t1'] });
    expect(having(A, A).fill(tested).request).toBe(tested.request);
    expect(flowing(17).fill(tested).request).toBe(tested.request);
  });

  test('a child knows what its parent does and tells it only what that lacks', () => {
    const parent = having(A, B);
    const child = new LiveValues(
      new Map([
        ['t1', A],
        ['t2', 'k4Xz91bQ7xZp04LmNoPq'],
      ]),
      parent,
    );
    const tested = sketchTest({ target: `/${A}`, consumes: ['t1'] });
    expect(child.fill(tested).request.target).toBe(`/${B}`);
    const mine = '0e9d44a1-52a0-4d5c-9a55-1f0f0e8f9d12';
    const producer = sketchTest({ body: { v: A }, produces: [{ token: 't1', path: 'body.v' }] });
    child.learn(producer, sketchAnswer({ body: { v: mine } }));
    expect([child.fill(tested), parent.fill(tested)].map(({ request }) => request.target)).toEqual([
      `/${mine}`,
      `/${B}`,
    ]);
  });

  test('reads a token where its element stands now', () => {
    const values = new LiveValues(new Map([['t1', A]]));
    const list = [
      { id: A, n: 1 },
      { id: B, n: 2 },
    ];
    const [mine, other] = ['f1b7c6de-1a2b-4c3d-8e4f-5a6b7c8d9e0f', '01b7c6de-1a2b-4c3d-8e4f-5a6b7c8d9e0f'];
    const tested = sketchTest({ body: list, produces: [{ token: 't1', path: 'body[0].id' }] });
    const answer = sketchAnswer({
      body: [
        { id: other, n: 2 },
        { id: mine, n: 1 },
      ],
    });
    expect(compareTest(tested, answer, { values, times: null }).differences).toEqual([]);
    values.learn(tested, answer);
    expect(values.token(A)).toBe(mine);
  });

  test('sends its own address where the recorded one stood, but for the Host header', () => {
    const values = new LiveValues(new Map(), undefined, { liveHost: '127.0.0.1:4100' });
    const { request } = values.fill(
      sketchTest({
        target: '/login?back=http%3A%2F%2Fshop%3A8080%2Fa',
        requestHeaders: [
          ['Origin', 'http://shop:8080'],
          ['Referer', 'http://shop:80801/a'],
        ],
        requestBody: { url: 'http://shop:8080/a' },
      }),
    );
    expect(request.target).toBe('/login?back=http%3A%2F%2F127.0.0.1%3A4100%2Fa');
    expect(request.headers).toEqual([
      ['Host', 'shop:8080'],
      ['Origin', 'http://127.0.0.1:4100'],
      ['Referer', 'http://shop:80801/a'],
    ]);
    expect(bodyText(request.body)).toBe('{"url":"http://127.0.0.1:4100/a"}');
  });

  test('takes a host without a port for an address only behind two slashes: elsewhere it is a word', () => {
    const values = new LiveValues(new Map(), undefined, { liveHost: '127.0.0.1:4100' });
    const tested = sketchTest({
      target: '/v1/rates?back=http%3A%2F%2Frates%2Fa',
      requestHeaders: [
        ['Origin', 'http://rates'],
        ['X-From', 'anna@rates'],
      ],
    });
    tested.request.headers[0] = ['Host', 'rates'];
    const { request } = values.fill(tested);
    expect(request.target).toBe('/v1/rates?back=http%3A%2F%2F127.0.0.1%3A4100%2Fa');
    expect(request.headers.slice(-2)).toEqual([
      ['Origin', 'http://127.0.0.1:4100'],
      ['X-From', 'anna@rates'],
    ]);
  });
});

describe("times of the client's own", () => {
  const RECORDED_US = Date.parse('2026-03-01T10:00:00Z') * 1e3;
  const LATER_US = RECORDED_US + 86_400e6 + 250_000;
  const sketch = (body: object, ...ownTimes: NonNullable<Test['ownTimes']>) =>
    ({ ...sketchTest({ method: 'POST', requestBody: body, body }), ts: RECORDED_US, ownTimes }) as Test;
  const made = sketch(
    { at: '2026-03-01T10:00:00.120Z', ends: 1_772_362_801_007, who: 'ann' },
    { path: 'body.at' },
    { path: 'body.ends' },
  );

  test('are sent as far from now as they were, the same ones again as they were sent', () => {
    const values = new LiveValues(new Map());
    const { request } = values.fill(made, LATER_US);
    expect(JSON.parse(bodyText(request.body)!)).toEqual({
      ...{ at: '2026-03-02T10:00:00.370Z', ends: 1_772_449_201_257, who: 'ann' },
    });
    values.noteSent(made, request);
    const again = sketch({ from: '2026-03-01T10:00:00.120Z' }, { path: 'body.from', again: true });
    expect(bodyText(values.fill(again, LATER_US + 7e6).request.body)).toBe(
      '{"from":"2026-03-02T10:00:00.370Z"}',
    );
    const unknown = sketch({ from: '2026-03-01T09:00:00.120Z' }, { path: 'body.from', again: true });
    expect(values.fill(unknown, LATER_US).request).toBe(unknown.request);
    expect(values.fill(made).request).toBe(made.request);
  });

  test('are due in answers as they were sent', () => {
    const differences = (at: string) => {
      const values = new LiveValues(new Map());
      const { request } = values.fill(made, LATER_US);
      values.noteSent(made, request);
      const live = sketchAnswer({ body: { ...JSON.parse(bodyText(request.body)!), at } });
      const times = { requestUs: LATER_US, endUs: LATER_US + 1_000 };
      const { differences: found, leaves } = compareTest(made, live, { values, times });
      return [found.map(({ path }) => path), leaves.time];
    };
    expect(differences('2026-03-02T10:00:00.370Z')).toEqual([[], 0]);
    expect(differences('2026-03-02T10:00:05.370Z')).toEqual([['body.at'], 0]);
  });

  test('that are whole seconds by chance may come without a fraction', () => {
    const wholeUs = RECORDED_US + 86_400e6 + 880_000;
    const response = sketchAnswer({ body: { at: '2026-03-01T10:00:00.120000Z' } });
    const differences = (at: string, nowUs: number) => {
      const values = new LiveValues(new Map());
      values.noteSent(made, values.fill(made, nowUs).request);
      const times = { requestUs: nowUs, endUs: nowUs + 1_000 };
      const compared = compareTest({ ...made, response }, sketchAnswer({ body: { at } }), { values, times });
      return compared.differences.map(({ path }) => path);
    };
    expect(differences('2026-03-02T10:00:01Z', wholeUs)).toEqual([]);
    expect(differences('2026-03-02T10:00:02Z', wholeUs)).toEqual(['body.at']);
    expect(differences('2026-03-02T10:00:01Z', wholeUs + 1_000)).toEqual(['body.at']);
  });
});
