import { describe, expect, test } from 'vitest';
import { createWithholding, type WithholdingFacts } from './withholding.ts';

const INBOUND: WithholdingFacts = { direction: 'IN', connection: 'life-1', serverPort: 8080 };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function http1(target: string, ...fields: string[]): Buffer {
  return Buffer.from([`GET ${target} HTTP/1.1`, ...fields, '', ''].join('\r\n'));
}

function http2(target: string, ...fields: string[]): Buffer {
  return Buffer.from([':method: GET', `:path: ${target}`, ...fields, '', ''].join('\r\n'));
}

test('nothing is asked when every session is captured and no probe is declared', () => {
  expect(createWithholding({ sample: 1, probes: [] })).toBeNull();
});

describe('probes', () => {
  const withholds = createWithholding({ sample: 1, probes: ['8080/healthz?full=1', '9090/live'] })!;
  const agent = 'User-Agent: kube-probe/1.30';
  test.each([
    ['its declared port, path and agent', http1('/healthz?full=1', 'Host: a', agent), 'probe'],
    ['HTTP/2', http2('/healthz?full=1', 'user-agent: kube-probe/1.30'), 'probe'],
    ['another path', http1('/healthz', agent), null],
    ['a longer path', http1('/healthz?full=12', agent), null],
    ['another agent', http1('/healthz?full=1', 'User-Agent: curl/8'), null],
    ['the agent in another field', http1('/healthz?full=1', 'X-User-Agent: kube-probe/1'), null],
    ['no agent', http1('/healthz?full=1'), null],
    ['a path declared for another port', http1('/live', agent), null],
    ['a head without a request line', Buffer.from('x'), null],
    ['an empty head', Buffer.alloc(0), null],
  ])('%s', (_, head, expected) => {
    expect(withholds(head, INBOUND)).toBe(expected);
  });

  test('what the app itself sends is never a probe', () => {
    expect(withholds(http1('/healthz?full=1', agent), { ...INBOUND, direction: 'OUT' })).toBeNull();
  });
});

describe('sampling', () => {
  const half = createWithholding({ sample: 0.5, probes: [] })!;
  const decision = (head: Buffer, connection = 'life-1') => half(head, { ...INBOUND, connection });
  /** The decisions over heads that name a session, each on two connections: they must agree. */
  const sessions = (headOf: (session: number) => Buffer) =>
    Array.from({ length: 400 }, (_, session) => {
      const first = decision(headOf(session), 'life-1');
      expect(decision(headOf(session), `life-${session + 2}`)).toBe(first);
      return first;
    });
  const kept = (decisions: (string | null)[]) => decisions.filter((one) => one === null).length;
  const hex = (n: number) => (n * 0x9e3779b1 + 1).toString(16).padStart(16, '0').slice(-16);

  test.each<[string, (session: number) => Buffer]>([
    [
      'a W3C trace',
      (n) => http1(`/${n % 7}`, `traceparent: 00-${'a'.repeat(16)}${hex(n)}-00f067aa0ba902b7-01`),
    ],
    ['a B3 trace', (n) => http2('/', `b3: ${hex(n)}-${hex(n + 1)}-1`)],
    ['a B3 trace in its own field', (n) => http1('/', `X-B3-TraceId: ${hex(n)}`)],
    ['an Authorization', (n) => http1('/', `AUTHORIZATION: Bearer user-${n}`)],
    ['a session cookie', (n) => http1('/', `Cookie: theme=dark; PHPSESSID=u${n}; x=1`)],
  ])('%s is one decision on every connection, and half of them are kept', (_, headOf) => {
    const share = kept(sessions(headOf)) / 400;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });

  test('without a session the connection decides, for all its requests', () => {
    const decisions = Array.from({ length: 400 }, (_, n) => {
      const first = decision(http1('/a', 'Cookie: theme=dark'), `life-${n}`);
      expect(decision(http1('/b', 'b3: 0'), `life-${n}`)).toBe(first);
      return first;
    });
    expect(kept(decisions)).toBeGreaterThan(160);
    expect(kept(decisions)).toBeLessThan(240);
  });

  test('one trace is decided alike however it is written', () => {
    const heads = [
      http1('/', `Traceparent:00-${TRACE}-00f067aa0ba902b7-00`),
      http2('/', `traceparent: 00-${TRACE}-ffffffffffffffff-01`),
      http1('/', `b3: ${TRACE}-00f067aa0ba902b7-1`, 'Authorization: Bearer other'),
      http1('/', `X-B3-TraceId: ${TRACE.slice(16).toUpperCase()}`),
    ];
    for (let percent = 1; percent < 100; percent++) {
      const withholds = createWithholding({ sample: percent / 100, probes: [] })!;
      expect(new Set(heads.map((head, n) => withholds(head, { ...INBOUND, connection: `c${n}` }))).size).toBe(
        1,
      );
    }
  });

  test('a larger share keeps what a smaller one kept, 0 keeps nothing', () => {
    const shares = [0, 0.1, 0.5, 0.9].map((sample) => createWithholding({ sample, probes: [] })!);
    for (let n = 0; n < 200; n++) {
      const keeps = shares.map(
        (withholds) => withholds(http1('/'), { ...INBOUND, connection: `c${n}` }) === null,
      );
      expect(keeps).toEqual(keeps.toSorted());
      expect(keeps[0]).toBe(false);
    }
  });

  test('a field that cannot be read names no session', () => {
    for (const field of ['traceparent: 00-', 'traceparent:', 'b3: d', 'b3: -', 'cookie: =', 'authorization:'])
      expect(decision(http1('/', field))).toBe(decision(http1('/')));
  });
});
