import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';
import type { AnswerSketch } from './test.fixture.ts';
import { digestOf } from './tree.ts';

const bytes = (text: string, size = 12) => digestOf(text, size);
const volatile = ['body.id', 'body.items[].id'].map((path) => {
  return { path, kind: 'mixed' as const, shape: '12 bytes, sha256 {hex}', why: '' };
});
const made = (id: string) => ({ method: 'POST', volatile, ...json({ id }) });
const list = (...ids: string[]) => ({
  n: 3,
  volatile,
  ...json({ items: ids.map((id, at) => ({ at, id })) }),
});

/** Two things are made, and a list shows both. */
function shown(live: [string, string], listed: string[]): string[] {
  const values = new LiveValues(new Map());
  return [
    ...differences(made(bytes('a')), json({ id: bytes(live[0]) }), values),
    ...differences({ ...made(bytes('b')), n: 2 }, json({ id: bytes(live[1]) }), values),
    ...differences(list(bytes('a'), bytes('b')), list(...listed), values),
  ];
}

test('bytes that were made anew are the same wherever they are shown again', () => {
  expect(shown(['x', 'y'], [bytes('x'), bytes('y')])).toEqual([]);
  expect(shown(['x', 'y'], [bytes('y'), bytes('x')])).not.toEqual([]);
  expect(shown(['x', 'y'], [bytes('x'), bytes('z')])).toEqual(['body.items[1].id value']);
  expect(shown(['x', 'x'], [bytes('x'), bytes('x')])).toContain('body.id value');
});

test('of files nothing is followed', () => {
  const values = new LiveValues(new Map());
  const file = (text: string) => bytes(text, 4_096);
  const learned = [{ path: 'body.id', kind: 'mixed' as const, why: '' }];
  const read = (n: number, text: string) => ({ n, volatile: learned, ...json({ id: file(text) }) });
  expect(differences(read(1, 'a'), json({ id: file('x') }), values)).toEqual([]);
  expect(differences(read(2, 'a'), json({ id: file('y') }), values)).toEqual([]);
});

test('hex digits that were made anew are the same where they are shown again, without the zero in front', () => {
  const learned = [{ path: 'body.etag', kind: 'hex' as const, shape: '{hex}', why: '' }];
  const found = (live: string) => {
    const values = new LiveValues(new Map());
    const made = { method: 'POST', volatile: learned, ...json({ etag: 'c0d9fb2d6ee92b79' }) };
    expect(differences(made, json({ etag: 'a42e4f62308bfd6' }), values)).toEqual([]);
    return differences({ n: 2, ...json({ etag: 'c0d9fb2d6ee92b79' }) }, json({ etag: live }), values);
  };
  expect(found('a42e4f62308bfd6')).toEqual([]);
  expect(found('b42e4f62308bfd6')).toEqual(['body.etag value']);
});

test('bytes that are made anew may read as a message by chance, others may not', () => {
  const grpc = (field: Buffer) => {
    const message = Buffer.concat([Buffer.from([0x0a, field.length]), field]);
    return { type: 'application/grpc', body: Buffer.from([0, 0, 0, 0, message.length, ...message]) };
  };
  const bytes = grpc(Buffer.from('ffee01ddcc02bbaa03ff9988', 'hex'));
  const asMessage = grpc(Buffer.from('08960110c8011801', 'hex'));
  const learned = [{ path: 'body[].1', kind: 'mixed' as const, shape: '12 bytes, sha256 {hex}', why: '' }];
  const found = (recorded: AnswerSketch, live: AnswerSketch, volatile: typeof learned) =>
    differences({ ...recorded, volatile }, live, new LiveValues(new Map()));
  expect(found(bytes, asMessage, learned)).toEqual([]);
  expect(found(asMessage, bytes, learned)).toEqual([]);
  expect(found(bytes, asMessage, [])).toEqual(['body[0].1 type']);
});

test('a word that was made anew is the same where it is shown again, though it does not look generated', () => {
  const reference = (made: string) => json({ reference: made });
  const learned = [{ path: 'body.reference', kind: 'token' as const, shape: '{token}', why: '' }];
  const found = (live: string) => {
    const values = new LiveValues(new Map());
    const pay = { method: 'POST', volatile: learned, ...reference('pay_pp56cdwvimez') };
    expect(differences(pay, reference('pay_ftga26hjiohc'), values)).toEqual([]);
    return differences({ n: 2, ...reference('pay_pp56cdwvimez') }, reference(live), values);
  };
  expect(found('pay_ftga26hjiohc')).toEqual([]);
  expect(found('pay_lrsjh6cxflhq')).toEqual(['body.reference value']);
  expect(found('pay_pnfuzge31fyk')).toEqual(['body.reference value']);
});

test('a random word without a digit is the same where it stands alone, after it stood in a text', () => {
  const values = new LiveValues(new Map());
  const typed = (id: string) => json({ id: `Comment:${id}` });
  expect(differences({ method: 'POST', ...typed('OflyGdAnQC') }, typed('XxY7oE5CVf'), values)).toEqual([]);
  const alone = (live: string) =>
    differences({ n: 2, ...json({ after: 'OflyGdAnQC' }) }, json({ after: live }), values);
  expect(alone('XxY7oE5CVf')).toEqual([]);
  expect(alone('k3mPqW9xZa')).toEqual(['body.after value']);
});
