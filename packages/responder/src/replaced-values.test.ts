import { bodyText, type HttpResponse, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { type ReplacedValue, withReplacedValues } from './replaced-values.ts';

function shown(text: string, values: ReplacedValue[], headers: HttpResponse['headers'] = []) {
  const response = { status: 200, headers, body: storeBody(Buffer.from(text), '') };
  const live = withReplacedValues(response, values);
  return { text: bodyText(live.body), headers: live.headers, size: live.body.size };
}
const email = { name: 'email', recorded: 'ann@one.test', live: 'x@y.test' };
const user = { name: 'user', recorded: '17', live: '4711' };

test('a telling value is replaced wherever it stands: values, sentences, urls, headers', () => {
  const recorded = {
    to: 'ann@one.test',
    note: 'sent to ann@one.test.',
    link: '/m?email=ann%40one.test',
    other: 'joann@one.test',
  };
  const { text, headers, size } = shown(JSON.stringify(recorded), [email], [['Location', '/m/ann@one.test']]);
  const live = {
    to: 'x@y.test',
    note: 'sent to x@y.test.',
    link: '/m?email=x%40y.test',
    other: 'joann@one.test',
  };
  expect(JSON.parse(text!)).toEqual(live);
  expect(headers).toEqual([['Location', '/m/x@y.test']]);
  expect(size).toBe(Buffer.byteLength(text!));
});

test('a short number is replaced where its name or a path says that it is meant, and nowhere else', () => {
  const recorded = { id: 17, user_id: '17', self: '/users/17/orders', age: 17, note: '17 days', rows: [17] };
  expect(JSON.parse(shown(JSON.stringify(recorded), [user]).text!)).toEqual({
    ...recorded,
    ...{ id: 4711, user_id: '4711', self: '/users/4711/orders' },
  });
});

test('a number asked for by a word becomes that word', () => {
  expect(shown('{"id":17}', [{ ...user, live: 'me' }]).text).toBe('{"id":"me"}');
});

test('numbers that a double does not hold survive', () => {
  expect(shown('{"id":17,"n":12345678901234567890,"x":1.10}', [user]).text).toBe(
    '{"id":4711,"n":12345678901234567890,"x":1.10}',
  );
});

test('text that is no JSON and bytes are handled too', () => {
  expect(shown('hello ann@one.test', [email]).text).toBe('hello x@y.test');
  const bytes = { size: 2, encoding: 'identity', base64: 'wyg=' };
  const response = { status: 200, headers: [], body: bytes };
  expect(withReplacedValues(response, [email]).body).toEqual(bytes);
});
