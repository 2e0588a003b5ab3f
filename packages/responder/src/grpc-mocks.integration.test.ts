import { TAG } from '@echoplane/traffic';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../test/program-stage.ts';
import { call, HOST, OrdersClient } from './grpc.fixture.ts';
import { ResponderStage } from './responder.fixture.ts';

let world: ResponderStage;
let clients: OrdersClient[];
beforeEach(async () => {
  clients = [];
  world = await ResponderStage.open();
});
afterEach(async () => {
  for (const client of clients) client.close();
  await world.close();
});

function clientOf(port: number, caPem?: string): OrdersClient {
  const client = new OrdersClient(port, caPem);
  clients.push(client);
  return client;
}

test('unary, upload, watch and chat are answered as recorded, with their status and trailers', async () => {
  const recorded = [
    call('Get', { asked: [['1', 0]], answered: [['one', 10]] }),
    call('Upload', {
      asked: [
        ['a', 0],
        ['b', 5],
      ],
      answered: [['2', 20]],
    }),
    call('Watch', {
      asked: [['all', 0]],
      answered: [
        ['x', 10],
        ['y', 20],
        ['z', 30],
      ],
    }),
    call('Chat', {
      asked: [
        ['hi', 0],
        ['bye', 20],
      ],
      answered: [
        ['hello', 10],
        ['tschüs', 30],
      ],
    }),
  ];
  const { aliasPort, page } = await world.start(recorded);
  const client = clientOf(aliasPort);
  const seen = [
    await client.call('Get', ['1']),
    await client.call('Upload', ['a', 'b']),
    await client.call('Watch', ['all']),
    await client.call('Chat', ['hi', 'bye'], { isPaced: true }),
  ];
  expect(seen.map(({ texts }) => texts)).toEqual([['one'], ['2'], ['x', 'y', 'z'], ['hello', 'tschüs']]);
  for (const { code, trailers } of seen) expect([code, trailers]).toMatchObject([0, { 'x-shop': 'berlin' }]);

  await until(() => world.receiver.pairs.length === 4);
  expect(
    world.receiver.pairs.map(({ protocol, tags }) => [protocol, tags[TAG.match], tags[TAG.mock]]),
  ).toEqual(recorded.map(({ id }) => ['grpc', 'exact', id]));
  expect(await page('/stats')).toMatchObject({ exact: 4, miss: 0 });
});

test('over TLS with ALPN it is the same', async () => {
  const { aliasPort } = await world.start([
    call('Get', { asked: [['1', 0]], answered: [['one', 10]], scheme: 'https' }),
  ]);
  expect((await clientOf(aliasPort, world.caPem).call('Get', ['1'])).texts).toEqual(['one']);
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]).toMatchObject({ scheme: 'https', tls: { alpn: 'h2' } });
});

test('recorded failures come with their status and message, with and without a head of their own', async () => {
  const failure = { status: status.NOT_FOUND, message: 'no order 17%21' };
  const { aliasPort } = await world.start([
    call('Get', { asked: [['1', 0]], ...failure }),
    call('Find', { asked: [['1', 0]], ...failure, isTrailersOnly: true }),
  ]);
  const client = clientOf(aliasPort);
  for (const name of ['Get', 'Find']) {
    const { code, details, trailers } = await client.call(name, ['1']);
    expect([code, details, trailers['x-shop']]).toEqual([status.NOT_FOUND, 'no order 17!', 'berlin']);
  }
});

test('a miss is UNIMPLEMENTED and names the nearest recording and the first difference', async () => {
  const known = call('Get', { asked: [['one', 0]], answered: [['1', 10]] });
  const { aliasPort, page } = await world.start([known]);
  const client = clientOf(aliasPort);
  const near = await client.call('Get', ['two']);
  expect(near.code).toBe(status.UNIMPLEMENTED);
  expect(near.details).toMatch(
    new RegExp(`nearest recording is ${known.id}, the first difference body.*"one" → "two"`),
  );
  const far = await client.call('Delete', ['two']);
  expect([far.code, far.details]).toEqual([status.UNIMPLEMENTED, expect.stringContaining(HOST)]);
  expect(await page('/stats')).toMatchObject({ exact: 0, miss: 2 });
});

test('a recorded answer that takes longer than the deadline ends with DEADLINE_EXCEEDED', async () => {
  const slow = call('Get', { asked: [['1', 0]], answered: [['one', 60_000_000]] });
  const { aliasPort } = await world.start([slow], { env: { ECHOPLANE_LATENCY: 'recorded' } });
  const client = clientOf(aliasPort);
  // The call is to reach the responder before its deadline is over.
  await client.connected();
  expect((await client.call('Get', ['1'], { deadlineMs: 6_000 })).code).toBe(status.DEADLINE_EXCEEDED);
  await until(() => world.receiver.pairs.length === 1);
});

test('messages of a stream keep the rhythm of the recording, times the latency', async () => {
  const watch = call('Watch', {
    asked: [['all', 0]],
    answered: [
      ['x', 1_000],
      ['y', 401_000],
      ['z', 801_000],
    ],
  });
  const { aliasPort } = await world.start([watch], { env: { ECHOPLANE_LATENCY: '0.5' } });
  const { atMs, texts } = await clientOf(aliasPort).call('Watch', ['all']);
  expect(texts).toEqual(['x', 'y', 'z']);
  // However late this process reads them, none is here before its time.
  expect(atMs[1]).toBeGreaterThan(190);
  expect(atMs[2]).toBeGreaterThan(390);
});

test('a conversation is chosen by its first message; a message that differs is a miss that is answered all the same', async () => {
  const talk = (who: string) =>
    call('Chat', {
      asked: [
        [who, 0],
        ['more', 20],
      ],
      answered: [
        [`hello ${who}`, 10],
        [`bye ${who}`, 30],
      ],
    });
  const [ann, bob] = [talk('ann'), talk('bob')];
  const { aliasPort, page } = await world.start([ann!, bob!]);
  const client = clientOf(aliasPort);
  const polite = await client.call('Chat', ['bob', 'more'], { isPaced: true });
  expect([polite.code, polite.texts]).toEqual([0, ['hello bob', 'bye bob']]);
  const other = await client.call('Chat', ['ann', 'less'], { isPaced: true });
  expect([other.code, other.texts]).toEqual([0, ['hello ann', 'bye ann']]);
  await until(() => world.receiver.pairs.length === 2);
  expect(world.receiver.pairs.map(({ tags }) => [tags[TAG.match], tags[TAG.mock]])).toEqual([
    ['exact', bob!.id],
    ['miss', ann!.id],
  ]);
  expect(world.receiver.pairs[1]!.tags[TAG.difference]).toContain('message[1].body');
  expect(await page('/stats')).toMatchObject({ exact: 1, miss: 1 });
});

test('equal conversations are answered in recorded order and the last one stays', async () => {
  const talks = ['1', '2'].map((answer, sequence) =>
    call('Chat', {
      asked: [
        ['hi', 0],
        ['end', 20],
      ],
      answered: [
        [answer, 10],
        ['bye', 30],
      ],
      sequence,
    }),
  );
  const client = clientOf((await world.start(talks)).aliasPort);
  const first: string[] = [];
  for (let n = 0; n < 3; n++)
    first.push((await client.call('Chat', ['hi', 'end'], { isPaced: true })).texts[0]!);
  expect(first).toEqual(['1', '2', '2']);
});

test('a client that leaves in the middle of a conversation ends it', async () => {
  const endless = call('Chat', {
    asked: [
      ['hi', 0],
      ['end', 20],
    ],
    answered: [
      ['hello', 10],
      ['bye', 30],
    ],
  });
  const { aliasPort } = await world.start([endless]);
  const seen = await clientOf(aliasPort).call('Chat', ['hi'], { isPaced: true });
  expect(seen.texts[0]).toBe('hello');
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]!.tags[TAG.difference]).toContain('message[1]');
});
