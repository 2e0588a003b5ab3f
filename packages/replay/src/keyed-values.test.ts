// Objects in a request that are keyed by ids of things.
import { bodyText } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';
import { sketchTest } from './test.fixture.ts';

const links = [{ in: 'response' as const, path: 'body.id', flow: 'users' }];

function sent(known: [string, string][], body: string): string | undefined {
  const values = new LiveValues(new Map());
  for (const [n, [was, is]] of known.entries())
    expect(
      differences({ n, method: 'POST', links, body: { id: was } }, { body: { id: is } }, values),
    ).toEqual([]);
  return bodyText(values.fill(sketchTest({ n: 9, method: 'PUT', requestBody: body })).request.body);
}

test('they are keyed by what the ids are now', () => {
  const rights = (id: string) => `{ "acl": {"*": 1, "${id}" : {"read":true}}, "note": "x7Kq2mZw9P" }`;
  expect(sent([['x7Kq2mZw9P', 'b3TnY8sLd1']], rights('x7Kq2mZw9P'))).toBe(rights('b3TnY8sLd1'));
});

test('numbers and words are names of fields, whatever things are called', () => {
  const body = '{"17":1,"settings":2}';
  const known: [string, string][] = [
    ['17', '18'],
    ['settings', 'b3TnY8sLd1'],
  ];
  expect(sent(known, body)).toBe(body);
});
