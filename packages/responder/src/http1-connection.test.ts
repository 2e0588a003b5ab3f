import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientStage, echo, LIMITS } from './http1-connection.fixture.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const post = (body: string) => `POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (body: string) =>
  `PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n${[...body].map((c) => `1\r\n${c}\r\n`).join('')}0\r\nx: y\r\n\r\n`;

describe('requests', () => {
  test('whatever way they are cut, and however many come at once, the answers are those of whole ones', async () => {
    const request = fc.oneof(
      fc.constant(GET),
      fc.string({ maxLength: 40 }).map((text) => post(Buffer.from(text).toString('latin1'))),
      fc.string({ maxLength: 20 }).map((text) => chunked(Buffer.from(text).toString('latin1'))),
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
    const delays = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 8 }), cuts, delays, async (requests, sizes, late) => {
        const whole = new ClientStage();
        for (const one of requests) await whole.say(one);
        const cut = new ClientStage({
          answer: (asked, connection) => {
            const reply = () => connection.send(Buffer.from(echo(asked), 'latin1'));
            return late[asked.seq] ? Promise.resolve().then(reply) : void reply();
          },
        });
        await cut.say(requests.join(''), sizes);
        await until(() => cut.text.length >= whole.text.length);
        expect(cut.text).toBe(whole.text);
      }),
      { numRuns: 150 },
    );
  });

  test('an answer that takes time holds back the next, in order and without losing a byte', async () => {
    const pending: (() => void)[] = [];
    const stage = new ClientStage({
      answer: (asked, connection) =>
        new Promise<void>((resolve) =>
          pending.push(() => {
            connection.send(Buffer.from(echo(asked), 'latin1'));
            resolve();
          }),
        ),
    });
    const body = 'x'.repeat(50_000);
    await stage.say(post(body).repeat(6));
    expect(pending.length).toBe(1);
    for (let i = 0; i < 6; i++) {
      pending[i]!();
      await stage.settled();
    }
    expect(stage.text.match(/\r\n\r\n\d POST/g)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `\r\n\r\n${n} POST`));
  });

  test('a body that is waited for is asked for', async () => {
    const stage = await new ClientStage().say(
      'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
    );
    expect(stage.text).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expect((await stage.say('ok')).text).toContain('0 POST / 2 ok');
  });

  test('of a body beyond the limit the first bytes are kept and all are counted', async () => {
    let seen = { kept: 0, sizeBytes: 0 };
    const stage = new ClientStage({
      answer: ({ body, sizeBytes }) => {
        seen = { kept: body.length, sizeBytes };
      },
    });
    const size = (8 << 20) + 100;
    await stage.say(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
    await stage.say(Buffer.alloc(size));
    expect(seen).toEqual({ kept: 8 << 20, sizeBytes: size });
  });
});

describe('the connection', () => {
  test.each([
    ['Connection: close', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ])('ends after the answer with %s, and nothing behind is answered', async (_, text) => {
    const stage = await new ClientStage().say(text + GET);
    expect(stage.text.split('HTTP/1.1 200').length).toBe(2);
    expect(stage.hasEnded).toBe(true);
  });

  test('a client that has said all gets its answer before the connection ends', async () => {
    const stage = await (await new ClientStage().say(GET)).leave();
    expect(stage.text).toContain('0 GET /a');
    expect(stage.hasEnded).toBe(true);
  });

  test('a client that leaves within a request is not answered', async () => {
    const stage = await (
      await new ClientStage().say('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab')
    ).leave();
    expect([stage.text, stage.isClosed, stage.refused]).toEqual(['', true, ['truncated']]);
  });

  test('is given away with everything behind a CONNECT', async () => {
    let asked = '';
    const stage = new ClientStage({
      connect: (authority, connection) => {
        const { socket, rest } = connection.release();
        asked = authority;
        socket.unshift(rest);
      },
    });
    await stage.say('CONNECT pay:443 HTTP/1.1\r\nHost: pay:443\r\n\r\n\x16\x03\x01 bytes', [50]);
    expect(String(stage.socket.read())).toBe('\x16\x03\x01 bytes');
    expect([asked, stage.isClosed, stage.hasEnded]).toEqual(['pay:443', true, false]);
  });

  test('an upgrade that nobody takes is answered as any request, and the next too', async () => {
    const stage = await new ClientStage().say(
      `GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n${GET}`,
    );
    expect(stage.text).toMatch(/0 GET \/ws 0 HTTP.*\r\n.*\r\n\r\n1 GET \/a/);
  });
});

describe('what is slow', () => {
  test.each([
    ['a head', 'GET / HTT', LIMITS.headMs, '408'],
    ['a body', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab', LIMITS.requestMs, '408'],
    ['a client that says nothing', '', LIMITS.idleMs, ''],
  ])('%s is waited for only so long', async (_, text, ms, status) => {
    const stage = await new ClientStage().say(text);
    stage.connection.expire(stage.nowUs + ms * 1000 - 1);
    await stage.settled();
    expect([stage.text, stage.isClosed]).toEqual(['', false]);
    stage.connection.expire(stage.nowUs + ms * 1000);
    await stage.settled();
    expect(stage.text.slice(9, 12)).toBe(status);
    expect(stage.hasEnded || stage.isClosed).toBe(true);
  });

  test('one byte after the other does not move the deadline of a head', async () => {
    const stage = new ClientStage();
    for (const byte of 'GET / HT') {
      stage.nowUs += 2_000;
      await stage.say(byte);
      stage.connection.expire(stage.nowUs);
    }
    await stage.settled();
    expect(stage.text).toContain('408');
  });
});

describe('what could be read in two ways, or is no request, is refused and nothing behind it is answered', () => {
  const head = (fields: string) => `POST / HTTP/1.1\r\nHost: h\r\n${fields}\r\n\r\n`;
  test.each([
    ['length and chunks', head('Content-Length: 4\r\nTransfer-Encoding: chunked'), 'conflicting-framing'],
    ['two lengths', head('Content-Length: 4\r\nContent-Length: 5'), 'conflicting-framing'],
    ['a length with a sign', head('Content-Length: +4'), 'bad-content-length'],
    [
      'a coding below chunks',
      `${head('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`,
      'bad-transfer-encoding',
    ],
    ['a coding that is not chunked', head('Transfer-Encoding: xchunked'), 'bad-transfer-encoding'],
    ['chunks twice', head('Transfer-Encoding: chunked, chunked'), 'bad-transfer-encoding'],
    [
      'chunks in two fields',
      `${head('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity')}`,
      'bad-transfer-encoding',
    ],
    ['chunks of HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 'bad-transfer-encoding'],
    ['a blank before the colon', head('Content-Length : 4'), 'malformed-head'],
    ['lines that end in LF alone', 'GET / HTTP/1.1\nHost: h\n\n', 'bare-lf'],
    ['a chunk size with an 0x', `${head('Transfer-Encoding: chunked')}0x1\r\na\r\n`, 'bad-chunk'],
    ['a folded length', head('Content-Length:\r\n 4'), 'obs-fold'],
    ['a head without end', `GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}`, 'head-too-large'],
    ['no HTTP at all', '\0\x01garbage\r\n\r\n', 'malformed-head'],
    ['another version', 'GET / HTTP/2.0\r\nHost: h\r\n\r\n', 'malformed-head'],
  ])('%s', async (_, text, reason) => {
    const stage = await new ClientStage().say(text + GET);
    expect(stage.refused).toEqual([reason]);
    expect(stage.text).toMatch(/^HTTP\/1\.1 4\d\d .*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$/);
    expect(stage.hasEnded).toBe(true);
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await new Promise((resolve) => setImmediate(resolve));
}
