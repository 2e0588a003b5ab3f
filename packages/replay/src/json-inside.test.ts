// Values of a flow inside of JSON that a request carries in a text.
import { expect, test } from 'vitest';
import { leavesInside } from './json-inside.ts';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';
import { sketchTest } from './test.fixture.ts';

const [RECORDED, LIVE] = ['x7Kq2mZw9P', 'b3TnY8sLd1'];
const flow = 'f1';

function knowing(): LiveValues {
  const values = new LiveValues(new Map());
  const links = [{ in: 'response' as const, path: 'body.objectId', flow }];
  const made = { method: 'POST', links, body: { objectId: RECORDED } };
  expect(differences(made, { body: { objectId: LIVE } }, values)).toEqual([]);
  return values;
}

function sent(query: string, path: string): string {
  const links = [{ in: 'request' as const, path, flow }];
  const request = sketchTest({ n: 2, target: `/games?where=${encodeURIComponent(query)}`, links });
  return decodeURIComponent(knowing().fill(request).request.target.slice('/games?where='.length));
}

test('they are replaced at their place, and everything else stays as it is written', () => {
  const query = (id: string) => `{"title": "${RECORDED}",  "owner":{"objectId":"${id}"}, "n": 1.0}`;
  expect(sent(query(RECORDED), 'query.where!json.owner.objectId')).toBe(query(LIVE));
});

test('each element of a list is', () => {
  const query = (id: string) => JSON.stringify({ objectId: { $in: ['other', id, id] } });
  expect(sent(query(RECORDED), 'query.where!json.objectId.$in[]')).toBe(query(LIVE));
});

test('a text that is no JSON has nothing inside', () => {
  for (const text of ['{"owner":', '[draft] of a text', 'owner=x7Kq2mZw9P', '7'])
    expect(leavesInside('query.q', text)).toEqual([]);
});
