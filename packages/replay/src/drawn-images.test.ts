// Pictures that are drawn of a secret: another one with another secret, and always the same one of it.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

/** The head of a PNG of that size, and what is drawn. */
function png(width: number, height: number, drawn: string): string {
  const head = Buffer.from('89504e470d0a1a0a0000000d494844520000000000000000', 'hex');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return `data:image/png;base64,${Buffer.concat([head, Buffer.from(drawn.repeat(20))]).toString('base64')}`;
}

const SECRETS = ['JBSWY3DPEHPK3PXPQ7RT5VNE2K', 'MZXW6YTBOI4DSNZRGE2TK7QFVX'] as const;
const enrolled = (secret: string, image: string) => json({ secret, qr: image });
const recorded = enrolled(SECRETS[0], png(256, 256, SECRETS[0]));
const found = (live: ReturnType<typeof json>) => differences(recorded, live, new LiveValues(new Map()));

test('the picture of another secret is another one', () => {
  expect(found(enrolled(SECRETS[1], png(256, 256, SECRETS[1])))).toEqual([]);
});

test('of the same secret it is the same one', () => {
  expect(found(enrolled(SECRETS[0], png(256, 256, 'x')))).toEqual(['body.qr value']);
});

test('a picture of another size or kind is none of it', () => {
  for (const image of [
    png(128, 128, 'x'),
    png(256, 255, 'x'),
    'data:image/png;base64,',
    '',
    'data:image/gif;base64,R0lGODlhAQABAAAAACw=',
  ])
    expect(found(enrolled(SECRETS[1], image))).toEqual(['body.qr value']);
});

test('one recorded picture has one live one', () => {
  const values = new LiveValues(new Map());
  const [mine, other] = [png(256, 256, SECRETS[1]), png(256, 256, 'other')];
  expect(differences(recorded, enrolled(SECRETS[1], mine), values)).toEqual([]);
  const again = { n: 2, ...recorded };
  expect(differences(again, enrolled(SECRETS[1], other), values)).toEqual(['body.qr value']);
  expect(differences(again, enrolled(SECRETS[1], mine), values)).toEqual([]);
});
