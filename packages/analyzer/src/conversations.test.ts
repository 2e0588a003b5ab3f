// What is handed out and sent back on WebSockets, beside requests.
import { type RRPair, type StreamMessage, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, uuidOf } from './exchanges.fixture.ts';

const [room, note, other] = ['room', 'note', 'other'].map(uuidOf) as [string, string, string];
const upgrade: Exchange = { request: 'GET /live', status: 101, connection: 'ws' };

/** Messages of a connection; `atUs` after the part's place among the exchanges. */
function said(...messages: [from: 'client' | 'server', json: unknown, atUs?: number][]): Exchange {
  const change: Partial<RRPair> = {
    ...{ protocol: 'websocket', request: null, response: null, part: { index: 0, last: true } },
    messages: messages.map(([from, json, offsetUs = 0]): StreamMessage => {
      const { encoding: _, ...body } = storeBody(Buffer.from(JSON.stringify(json)), '');
      return { from, kind: 'text', offsetUs, ...body };
    }),
  };
  return { request: 'GET /', connection: 'ws', change };
}

const testsOf = (exchanges: Exchange[]) => {
  const { tests, tokens } = analyze(record(exchanges));
  const named = ({ token, path }: { token: string; path: string }) =>
    `${tokens.find(({ id }) => id === token)!.value} ${path}`;
  return tests.map(({ endpoint, consumes, produces }) => ({
    endpoint,
    consumes: consumes.map((id) => tokens.find((one) => one.id === id)!.value),
    produces: produces.map(named),
  }));
};

test('a message of the client carries what an answer handed out', () => {
  const [made, live] = testsOf([
    { request: 'POST /rooms', body: { name: 'a' }, answer: { id: room } },
    upgrade,
    said(['server', 'hello'], ['client', { join: room }]),
  ]);
  expect(made!.produces).toEqual([`${room} body.id`]);
  expect(live).toMatchObject({ endpoint: '/live', consumes: [room] });
});

test('a message of the server hands out what requests carry', () => {
  const [live, read] = testsOf([
    upgrade,
    said(['server', 'hello'], ['client', { write: 'a' }], ['server', { note }]),
    { request: `PUT /notes/${note}`, body: { read: true }, answer: {} },
  ]);
  expect(live!.produces).toEqual([`${note} messages[1].body.note`]);
  expect(read!.consumes).toEqual([note]);
});

test('who asked takes it from the answer, although a listener was told first', () => {
  const [live, made, read] = testsOf([
    upgrade,
    said(['server', { made: other }]),
    { request: 'POST /notes', body: { text: 'a' }, answer: { id: other } },
    { request: `PUT /notes/${other}`, body: { read: true }, answer: {} },
  ]);
  expect(live!.produces).toEqual([]);
  expect(made!.produces).toEqual([`${other} body.id`]);
  expect(read!.consumes).toEqual([other]);
});
