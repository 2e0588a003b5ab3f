// Recorded requests of diverse kinds, made up: each like its neighbours but for what tells them apart. Deterministic and pure.
import type { Content, Sent } from './mutations.ts';
import { HOST } from './recordings.ts';

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const BOUNDARY = 'bench-boundary-17';
const NOTHING: Content = { headers: [], body: Buffer.alloc(0) };

/** The n-th recorded request; eleven kinds in turn, each like its neighbours but for what tells them apart. */
export function recordedRequest(n: number): Sent {
  const kinds = [nestedJson, form, query, path, xml, list, graphql, plain, multipart, call, operation];
  return kinds[n % kinds.length]!(n);
}

function nestedJson(n: number): Sent {
  const body = {
    order: `ord-${n}`,
    customer: {
      id: n % 97,
      name: `name ${n % 13}`,
      address: { zip: String(10_000 + (n % 50)), country: 'DE' },
    },
    lines: [
      { sku: `sku-${n % 31}`, count: (n % 5) + 1, price: 19.99 },
      { sku: `sku-${n % 29}`, count: 1, price: n / 100 },
    ],
    express: n % 2 === 0,
    coupon: null,
  };
  return { host: HOST, method: 'POST', target: '/v1/orders', ...content(JSON_TYPE, JSON.stringify(body)) };
}

function form(n: number): Sent {
  const body = new URLSearchParams({
    amount: String(n * 7),
    currency: 'eur',
    card: `card ${n % 41}`,
    note: 'a&b',
  });
  return { host: HOST, method: 'POST', target: '/v1/charges', ...content(FORM_TYPE, body.toString()) };
}

function query(n: number): Sent {
  const search = new URLSearchParams([
    ['q', `term ${n}`],
    ['page', String(n % 9)],
    ['tag', 'a'],
    ['tag', `b${n % 3}`],
  ]);
  return { host: HOST, method: 'GET', target: `/search?${search}`, ...NOTHING };
}

function path(n: number): Sent {
  return {
    host: HOST,
    method: 'DELETE',
    target: `/users/${n}/carts/${n % 7}/items/item%20${n % 11}`,
    ...NOTHING,
  };
}

function xml(n: number): Sent {
  const body = `<order id="${n}"><item code="c${n % 17}">${n % 5}</item><note>n ${n % 3}</note></order>`;
  return { host: HOST, method: 'POST', target: '/soap/orders', ...content('application/xml', body) };
}

function list(n: number): Sent {
  return {
    host: HOST,
    method: 'PUT',
    target: `/batch/${n % 4}`,
    ...content(JSON_TYPE, JSON.stringify([n, n + 1, { deep: [[n % 6]] }])),
  };
}

function graphql(n: number): Sent {
  const body = {
    query: 'query One($id: ID!) { product(id: $id) { name } }',
    variables: { id: `p${n}`, first: n % 8 },
  };
  return { host: HOST, method: 'POST', target: '/graphql', ...content(JSON_TYPE, JSON.stringify(body)) };
}

function plain(n: number): Sent {
  return {
    host: HOST,
    method: 'POST',
    target: `/log?level=${n % 3}`,
    ...content('text/plain', `line ${n} of a log`),
  };
}

function multipart(n: number): Sent {
  const part = (head: string, text: string) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
  const body = [
    part('name="title"', `title ${n}`),
    part('name="meta"', JSON.stringify({ kind: `k${n % 5}`, pages: n % 40 })),
    part(`name="file"; filename="scan-${n % 23}.txt"`, `line one of ${n}\r\nline two`),
    `--${BOUNDARY}--\r\n`,
  ].join('');
  const made = content(`multipart/form-data; boundary=${BOUNDARY}`, body);
  return { host: HOST, method: 'POST', target: '/uploads', ...made };
}

/** A gRPC call: a text, a number, a message in the message, and a text that comes twice. */
function call(n: number): Sent {
  const inner = Buffer.concat([field(1, `zip ${n % 50}`), varint(2, n % 1_000)]);
  const message = Buffer.concat([
    ...[field(1, `order ${n}`), varint(2, (n % 300) + 1), field(3, inner)],
    ...[field(4, `tag ${n % 3}`), field(4, 'tag b')],
  ]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  const body = Buffer.concat([head, message]);
  const headers = [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ] as Content['headers'];
  return { host: HOST, method: 'POST', target: '/bench.Orders/Place', headers, body };
}

/** What is asked stands in headers. */
function operation(n: number): Sent {
  const made = content('application/x-amz-json-1.0', JSON.stringify({ Key: `k${n}` }));
  const headers = [
    ...made.headers,
    ['X-Amz-Target', `Bench.Get${n % 4}`],
    ['Range', `bytes=0-${n % 100}`],
  ] as Content['headers'];
  return { host: HOST, method: 'POST', target: '/', headers, body: made.body };
}

function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function varint(number: number, value: number): Buffer {
  const bytes = value < 128 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
  return Buffer.from([number << 3, ...bytes]);
}

function content(type: string, text: string): Content {
  return { headers: [['Content-Type', type]], body: Buffer.from(text) };
}
