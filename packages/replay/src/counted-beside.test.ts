// What a service writes of one serial number in several ways, when overlapping writes swapped theirs.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';
import type { TestSketch } from './test.fixture.ts';

const nodeId = (n: number) => Buffer.from(JSON.stringify(['Topic', n])).toString('base64');
const topic = (rowId: number, id = rowId, ticket = rowId) => ({
  body: { topic: { rowId, id: nodeId(id), ticket: `T-${999 + ticket}`, votes: 12 } },
});
const recorded: TestSketch = {
  ...{ method: 'POST', target: '/topics', ...topic(4) },
  links: [
    { in: 'response', path: 'body.topic.rowId', flow: 'rows' },
    { in: 'response', path: 'body.topic.id', flow: 'nodes' },
  ],
};
const against = (live: ReturnType<typeof topic>) => differences(recorded, live, new LiveValues(new Map()));

test('a node id and a number in a text go with the serial number beside them', () => {
  expect(against(topic(3))).toEqual([]);
});

test('one that goes another way than the serial number is a difference', () => {
  expect(against(topic(3, 5))).toContain('body.topic.id value');
  expect(against(topic(3, 3, 6))).toEqual(['body.topic.ticket value']);
  expect(against(topic(4, 4, 5))).toEqual(['body.topic.ticket value']);
});

test('a text in which more than that number differs is a difference', () => {
  const live = topic(3);
  live.body.topic.ticket = 'U-1002';
  expect(against(live)).toEqual(['body.topic.ticket value']);
});
