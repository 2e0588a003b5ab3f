// The traffic of the benchmark: captured pairs with JSON bodies of a given size, like a shop's, both ways, as encoded
// pairs of the capture stream. Ids and times are patched into the encoded bytes, so that the load costs next to nothing.
import { createHash } from 'node:crypto';
import { type CapturedPair, encodeCaptured } from '@echoplane/wire';

const ID_CHARS = 36;
/** Tags before the id and the time in an encoded pair; both come first. */
const ID_AT = 2;
const TS_AT = ID_AT + ID_CHARS + 1;
const WORDS =
  'amber basket cotton dune ember fjord grove harbor indigo juniper kettle linen meadow nectar oak pebble quill river saddle timber'.split(
    ' ',
  );

/** Small repeatable numbers: the same traffic in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export interface TrafficOptions {
  /** Bytes of each JSON body, request and response. */
  bodyBytes: number;
  /** Different pairs; they repeat. */
  variety: number;
  /** Put a secret into every pair. */
  secrets: boolean;
}

/** Encoded pairs, and the secrets in them. */
export function makeTraffic({ bodyBytes, variety, secrets }: TrafficOptions): {
  pairs: Buffer[];
  planted: string[];
} {
  const pairs: Buffer[] = [];
  const planted: string[] = [];
  for (let n = 0; n < variety; n++) {
    const random = numbers(n + 1);
    const secret = secretsOf(n);
    if (secrets) planted.push(...Object.values(secret));
    pairs.push(Buffer.from(encodeCaptured(pairOf(n, bodyBytes, random, secrets ? secret : null))));
  }
  return { pairs, planted };
}

/** Writes a pair's id and time into a copy of its encoded bytes. */
export function stamp(bytes: Buffer, at: number, n: number, lane: string, tsUs: number): void {
  bytes.write(`01900000-0000-7000-8${lane}-${n.toString(16).padStart(12, '0')}`, at + ID_AT, 'latin1');
  bytes.writeDoubleLE(tsUs, at + TS_AT);
}

interface Secrets {
  password: string;
  bearer: string;
  email: string;
  card: string;
  session: string;
}

function secretsOf(n: number): Secrets {
  const word = (of: string) => createHash('sha256').update(`${of} ${n}`).digest('base64url');
  return {
    password: `pw-${word('password').slice(0, 18)}`,
    bearer: word('bearer').slice(0, 40),
    email: `customer.${n}.${WORDS[n % WORDS.length]}@mail-${n}.example.org`,
    card: cardOf(n),
    session: word('session').slice(0, 32),
  };
}

/** A Visa number with its check digit. */
function cardOf(n: number): string {
  const body = `4111${String(n).padStart(4, '0')}${String(n * 7_919)
    .padStart(7, '0')
    .slice(0, 7)}`;
  let sum = 0;
  for (let i = 0; i < body.length; i++) {
    const digit = Number(body[body.length - 1 - i]) * (i % 2 === 0 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return `${body}${(10 - (sum % 10)) % 10}`;
}

function pairOf(
  n: number,
  bodyBytes: number,
  random: (below: number) => number,
  secret: Secrets | null,
): CapturedPair {
  const order = `/orders/${1_000 + n}`;
  const headers = secret
    ? `Authorization: Bearer ${secret.bearer}\r\nCookie: theme=dark; sid=${secret.session}\r\n`
    : '';
  const request = jsonOf(bodyBytes, random, secret && { email: secret.email, password: secret.password });
  const response = jsonOf(bodyBytes, random, secret && { card: secret.card, owner: secret.email });
  const requestHead = `POST ${order}/items?currency=EUR&page=2 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench/1.0 (linux)\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: ${request.length}\r\n${headers}traceparent: 00-${'4bf92f3577b34da6a3ce929d0e0e4736'}-00f067aa0ba902b7-01\r\n\r\n`;
  const responseHead = `HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${response.length}\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nServer: shop\r\nCache-Control: no-store\r\nETag: "33a64df551425fcc"\r\n\r\n`;
  const half = (head: string, body: Buffer) => ({
    ...{
      head: Buffer.from(head, 'latin1'),
      body,
      bodySize: body.length,
      trailers: Buffer.alloc(0),
      chunks: [],
    },
  });
  return {
    ...{
      id: '0'.repeat(ID_CHARS),
      tsUs: 1,
      durationUs: 1_000 + n,
      ttfbUs: 900,
      direction: 'IN',
      protocol: 'http/1.1',
    },
    ...{ scheme: 'http', tls: null, connection: `c-${n % 64}`, seq: n, sentBytes: 0, receivedBytes: 0 },
    client: { ip: '10.1.2.3', port: 40_000 + (n % 1_000), host: '' },
    server: { ip: '10.1.2.4', port: 8080, host: 'shop.example' },
    ...{ error: '', gapReason: '', tags: {} },
    request: half(requestHead, request),
    response: half(responseHead, response),
  };
}

/** An object of about `bytes` bytes: items with ids, names, prices and times, and what is given first. */
function jsonOf(bytes: number, random: (below: number) => number, first: object | null): Buffer {
  const items: object[] = [];
  const whole = { ...(first ?? {}), currency: 'EUR', items };
  while (JSON.stringify(whole).length < bytes - 80) {
    const hex = (chars: number) => Array.from({ length: chars }, () => random(16).toString(16)).join('');
    items.push({
      id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
      name: `${WORDS[random(WORDS.length)]} ${WORDS[random(WORDS.length)]}`,
      price: random(100_000) / 100,
      quantity: 1 + random(9),
      inStock: random(2) === 1,
      updatedAt: `2026-11-${String(1 + random(28)).padStart(2, '0')}T10:${String(10 + random(50))}:00.000Z`,
    });
  }
  return Buffer.from(JSON.stringify(whole));
}
