import { TAG } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';
import { ask, RECORDED_PORT, ResponderStage } from './responder.fixture.ts';

const HOST = `rates.test:${RECORDED_PORT}`;
let world: ResponderStage;
beforeEach(async () => {
  world = await ResponderStage.open();
});
afterEach(() => world.close());

const start = async (chains: object[]) =>
  world.start([mock('GET', `http://${HOST}/eur?v=1`, { response: { body: '{"rate":1.1,"note":"x"}' } })], {
    env: {
      ECHOPLANE_TRANSFORMS_FILE: await world.stage.file('transforms.json', JSON.stringify({ v: 1, chains })),
    },
  });

test('a request is matched after its transforms, and an answer is sent after its own', async () => {
  const { aliasPort } = await start([
    {
      ...{ id: 'version', at: 'responder-request', extract: { name: 'query', parameter: 'v' } },
      functions: [{ name: 'constant', value: '1' }],
    },
    {
      ...{ id: 'rate', at: 'responder-response', extract: { name: 'body' } },
      functions: [
        { name: 'json', path: '$.rate' },
        { name: 'constant', value: 2.5 },
      ],
    },
  ]);
  const told = await ask(aliasPort, HOST, '/eur?v=2');
  expect(told).toEqual({ status: 200, match: 'exact', text: '{"rate":2.5,"note":"x"}' });
  await until(() => world.receiver.pairs.length === 1);
  expect(world.receiver.pairs[0]!.tags[TAG.chains]).toBe('version,rate');
  // The pair holds what was really asked.
  expect(Buffer.from(world.receiver.pairs[0]!.request!.head).toString()).toContain('GET /eur?v=2 ');
});

test('a strict chain that finds nothing is told on the pair, and the answer is sent as it was', async () => {
  const { aliasPort } = await start([
    {
      ...{ id: 'gone', at: 'responder-response', strict: true, extract: { name: 'body' } },
      functions: [
        { name: 'json', path: '$.missing' },
        { name: 'constant', value: 1 },
      ],
    },
  ]);
  expect((await ask(aliasPort, HOST, '/eur?v=1')).text).toBe('{"rate":1.1,"note":"x"}');
  await until(() => world.receiver.pairs.length === 1);
  const { tags } = world.receiver.pairs[0]!;
  expect(tags[TAG.transform]).toContain('gone: ');
  expect(tags[TAG.chains]).toBe('!gone');
});

test('a document that cannot be used stops the start and says why', async () => {
  const chain = { id: 'a', at: 'responder-request', extract: { name: 'nonsense' }, functions: [] };
  await expect(start([chain])).rejects.toThrow(/is not a transforms document/);
});
