// Several responders of one replay without a state that they share, behind a balancer: what is right then, and what is not.
// docs/responder.md says the same in words.
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Mock } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mock, uuid } from './mock.fixture.ts';
import { RECORDED_PORT, ResponderStage } from './responder.fixture.ts';

const HOST = `shop.test:${RECORDED_PORT}`;
const at = (path: string) => `http://${HOST}${path}`;

let world: ResponderStage;
const balancers: Server[] = [];
beforeEach(async () => {
  world = await ResponderStage.open();
});
afterEach(async () => {
  for (const balancer of balancers.splice(0)) {
    balancer.closeAllConnections();
    await new Promise((resolve) => balancer.close(resolve));
  }
  await world.close();
});

/** Which of two responders gets a request. */
type Balancing = (request: IncomingMessage) => number;
const inTurn = (): Balancing => {
  let n = 0;
  return () => n++ % 2;
};
/** As balancers do by a header or cookie: a caller stays where it came first; callers are dealt out in turn. */
const byCaller = (): Balancing => {
  const places = new Map<string, number>();
  return ({ headers: { authorization = '' } }) => {
    const place = places.get(authorization) ?? places.size % 2;
    places.set(authorization, place);
    return place;
  };
};

/** Two responders behind a balancer; asks through it. */
async function two(mocks: readonly Mock[], choose: Balancing) {
  const both = await Promise.all([world.start(mocks), world.start(mocks)]);
  const balancer = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    const port = both[choose(asked)]!.aliasPort;
    const onward = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (told) => {
      answer.writeHead(told.statusCode!, told.rawHeaders);
      told.pipe(answer);
    });
    onward.on('error', (error) => answer.destroy(error));
    asked.pipe(onward);
  }).listen(0, '127.0.0.1');
  balancers.push(balancer);
  await new Promise((resolve) => balancer.once('listening', resolve));
  const { port } = balancer.address() as AddressInfo;
  return (path: string, { caller = 'ann', body }: { caller?: string; body?: object } = {}) =>
    new Promise<string>((resolve, reject) => {
      const headers = { host: HOST, authorization: `Bearer ${caller}`, 'content-type': 'application/json' };
      const options = { host: '127.0.0.1', port, path, headers, method: body ? 'POST' : 'GET', agent: false };
      const asking = httpRequest(options, (response) => {
        response.toArray().then((parts) => resolve(Buffer.concat(parts).toString()), reject);
      });
      asking.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
}

const sequence = (length: number): Mock[] =>
  Array.from({ length }, (_, n) =>
    mock('GET', at('/next'), { sequence: n, response: { body: `answer ${n}` } }),
  );

test('requests with one answer each need neither affinity nor a state', async () => {
  const mocks = Array.from({ length: 8 }, (_, n) =>
    mock('GET', at(`/things/${n}`), { response: { body: `thing ${n}` } }),
  );
  const ask = await two(mocks, inTurn());
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < 8; n++) expect(await ask(`/things/${n}`)).toBe(`thing ${n}`);
});

test('answers in order: right for a caller that stays with one responder, else each responder begins anew', async () => {
  const stays = await two(sequence(4), byCaller());
  const answers: string[] = [];
  for (let n = 0; n < 5; n++) answers.push(await stays('/next'));
  expect(answers).toEqual(['answer 0', 'answer 1', 'answer 2', 'answer 3', 'answer 3']);
  const spread = await two(sequence(4), inTurn());
  const twice: string[] = [];
  for (let n = 0; n < 4; n++) twice.push(await spread('/next'));
  expect(twice).toEqual(['answer 0', 'answer 0', 'answer 1', 'answer 1']);
});

test('what a write changes, and values made anew: right for a caller that stays, unknown to the other responder', async () => {
  const state = (isWrite: boolean, writesBefore: number) => ({
    state: { resource: 'cart', isWrite, writesBefore },
  });
  const [recorded, live] = [uuid(1), uuid(2)];
  const mocks: Mock[] = [
    { ...mock('GET', at('/cart'), { sequence: 0, response: { body: 'empty' } }), ...state(false, 0) },
    {
      ...mock('POST', at('/cart'), {
        ...{ sequence: 1, request: { id: recorded }, volatile: ['body.id'], response: { body: 'added' } },
      }),
      ...state(true, 0),
    },
    {
      ...mock('GET', at('/cart'), { sequence: 2, response: { body: `holds ${recorded}` } }),
      ...state(false, 1),
    },
  ];
  const walk = async (ask: Awaited<ReturnType<typeof two>>) => {
    const before = await ask('/cart');
    await ask('/cart', { body: { id: live } });
    return [before, await ask('/cart')];
  };
  expect(await walk(await two(mocks, byCaller()))).toEqual(['empty', `holds ${live}`]);
  // The write goes to one responder, both reads to the other.
  expect((await walk(await two(mocks, inTurn()))).at(-1)).toBe('empty');
});

test('callers with recorded sessions of their own: each gets one whole, but two at two responders may get the same', async () => {
  const session = (name: string, n: number) => ({
    ...mock('GET', at('/mine'), { sequence: n, response: { body: `${name} ${n}` } }),
    session: name,
  });
  const mocks = [session('s1', 0), session('s2', 1), session('s1', 2), session('s2', 3)];
  const ask = await two(mocks, byCaller());
  const of = async (caller: string) => [await ask('/mine', { caller }), await ask('/mine', { caller })];
  // The third comes to the first responder, and gets what is free there.
  expect([await of('ann'), await of('bob'), await of('cleo')]).toEqual([
    ['s1 0', 's1 2'],
    ['s1 0', 's1 2'],
    ['s2 1', 's2 3'],
  ]);
});
