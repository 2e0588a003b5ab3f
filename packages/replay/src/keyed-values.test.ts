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

test('so they are by what is followed as a token', () => {
  const [was, is] = ['214d5248-6a3f-4d2e-be81-3963bc24acc4', 'bacacb75-b358-4f16-bd1a-cd69e74d5d23'];
  const values = new LiveValues(new Map([['doc', was]]));
  const made = { method: 'POST', produces: [{ token: 'doc', path: 'body.id' }], body: { id: was } };
  differences(made, { body: { id: is } }, values);
  const revisions = (id: string) => ({ [id]: ['1-3ec7', '2-83cf'] });
  const asked = sketchTest({ n: 9, method: 'POST', requestBody: revisions(was) });
  expect(JSON.parse(bodyText(values.fill(asked).request.body)!)).toEqual(revisions(is));
});

test('numbers and words are names of fields, whatever things are called', () => {
  const body = '{"17":1,"settings":2}';
  const known: [string, string][] = [
    ['17', '18'],
    ['settings', 'b3TnY8sLd1'],
  ];
  expect(sent(known, body)).toBe(body);
});
