// The redactor, fuzzed: whatever is planted where, damaged and cut how, it throws nothing, is done after one pass, lets no
// planted secret through, and leaves JSON that was JSON.
import { isUtf8 } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { RRPair, storeBody } from '@echoplane/traffic';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { damage, holds } from '../../../../test/stages/fuzz.ts';
import { contentOf } from './carrier-text.ts';
import { base64, base64url, field, grpcFrame, jwtOf, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';
import { scan } from './scan.ts';

const SECRET = 'Planted-x7Q';
const MAIL = 'planted.person@shop.example';

const key = fc.constantFrom('a', 'note', 'id', 'items', 'x y', 'é"\\');
const leaf = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    MAIL,
    `write to ${MAIL}.`,
    `password=${SECRET}`,
    jwtOf({ email: MAIL }),
    `https://h/?token=${SECRET}`,
  ),
);
/** JSON with secrets planted: under names, by shape, encoded. */
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    fc.record({ password: fc.constantFrom<unknown>(SECRET, [SECRET], { old: SECRET }), b: tie('value') }),
    tie('value').map((value) => JSON.stringify(value)),
    tie('value').map((value) => base64(JSON.stringify({ planted: value, pad: 'some words' }))),
  ),
})).value;

const types = fc.constantFrom(
  'application/json',
  'text/plain',
  'text/html',
  'application/xml',
  '',
  'text/event-stream',
);

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return isUtf8(bytes);
  } catch {
    return false;
  }
}

/** Deep encodings are replaced as a whole, so the secret is looked for where it can be read. */
function expectGone(text: string): void {
  expect(text).not.toContain(SECRET);
  expect(text).not.toContain('planted.person');
}

test('secrets planted in JSON do not survive, and JSON stays JSON', () => {
  holds(
    fc.property(json, fc.constantFrom(0, 1), (value, indent) => {
      const text = JSON.stringify({ value }, null, indent);
      const { redactor } = watched();
      const redacted = redactor.text(text, 'application/json');
      expectGone(redacted);
      expect(() => JSON.parse(redacted)).not.toThrow();
      expect(redactor.text(redacted, 'application/json')).toBe(redacted);
    }),
  );
});

test('damaged and cut bodies throw nothing; what is still JSON is done after one pass', () => {
  const body = fc.tuple(json, damage, types).map(([value, hurt, type]) => {
    const whole = Buffer.from(JSON.stringify(value) ?? '');
    return { bytes: hurt(whole, Buffer.from(`password=${SECRET}&mail=${MAIL}`)), type };
  });
  holds(
    fc.property(body, fc.boolean(), ({ bytes, type }, isCut) => {
      const pair = sketch();
      pair.request!.headers = [['Content-Type', type]];
      pair.request!.body = storeBody(bytes, '');
      if (isCut) pair.gaps = { requestTruncatedBytes: 10 };
      const { redactor } = watched();
      redactor.pair(pair);
      const once = JSON.stringify(pair);
      redactor.pair(pair);
      if (!isCut && isJson(bytes)) expect(JSON.stringify(pair)).toBe(once);
      expect(RRPair.safeParse(pair).success).toBe(true);
    }),
  );
});

test('damaged gRPC, gzip and JWTs throw nothing', () => {
  const message = Buffer.concat([field(1, MAIL), field(2, field(1, `card 4539148803436467 of ${MAIL}`))]);
  const wholes = [grpcFrame(message), grpcFrame(gzipSync(message), 1), gzipSync(`{"a":"${MAIL}"}`)];
  holds(
    fc.property(
      fc.constantFrom(...wholes),
      damage,
      fc.constantFrom('grpc', 'http/1.1'),
      (whole, hurt, protocol) => {
        const bytes = hurt(whole, Buffer.from(base64url(message)));
        const pair = sketch();
        pair.protocol = protocol;
        pair.request!.headers = [
          ['grpc-encoding', 'gzip'],
          ['Authorization', `Bearer ${bytes.toString('base64url')}`],
        ];
        pair.request!.body =
          protocol === 'grpc'
            ? { size: bytes.length, encoding: 'identity', base64: base64(bytes) }
            : storeBody(bytes, 'gzip');
        watched().redactor.pair(pair);
        expect(RRPair.safeParse(pair).success).toBe(true);
      },
    ),
  );
});

test('texts that are passed by without asking the detectors have nothing for them', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'alice',
      '.',
      '-',
      '_',
      '/',
      '~',
      ' ',
      '"',
      '-----BEGIN',
      'PRIVATE KEY-----',
      'DE',
      'key',
      ':',
      'ä',
    ),
    fc.stringMatching(/^[A-Za-z]{1,15}$/),
  );
  holds(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      if (contentOf(text) === 0) expect(scan(text)).toEqual([]);
    }),
  );
});
