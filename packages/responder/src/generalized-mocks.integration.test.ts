import { TAG } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';
import { ask, RECORDED_PORT, ResponderStage } from './responder.fixture.ts';

const HOST = `crm.test:${RECORDED_PORT}`;
let world: ResponderStage;
beforeEach(async () => {
  world = await ResponderStage.open();
});
afterEach(() => world.close());

test('three recorded mailboxes serve any address, always told as generalised and never as exact', async () => {
  const mailboxes = ['ann', 'bob', 'eve'].map((name) =>
    mock('GET', `http://${HOST}/mailbox?email=${name}@one.test`, {
      response: {
        body: JSON.stringify({ email: `${name}@one.test`, greeting: `Dear ${name}@one.test`, of: name }),
      },
    }),
  );
  const plan = { generalize: [{ path: 'query.email' }] };
  const { aliasPort, page, metrics } = await world.start(mailboxes, { plan });
  expect((await ask(aliasPort, HOST, '/mailbox?email=ann@one.test')).match).toBe('exact');
  const seen = new Set<string>();
  for (let n = 0; n < 30; n++) {
    const email = `user${n}@else.test`;
    const { match, text } = await ask(aliasPort, HOST, `/mailbox?email=${email}`);
    const { of, ...values } = JSON.parse(text);
    expect([match, values]).toEqual(['generalized', { email, greeting: `Dear ${email}` }]);
    expect((await ask(aliasPort, HOST, `/mailbox?email=${email}`)).text).toBe(text);
    seen.add(of);
  }
  expect(seen.size).toBe(3);
  expect((await ask(aliasPort, HOST, '/mailbox?email=x@y.test&page=2')).match).toBe('miss');
  expect(await page('/stats')).toMatchObject({ exact: 1, generalized: 60, miss: 1 });
  expect(await metrics()).toContain('echoplane_responder_answers_total{match="generalized"} 60');
  await until(() => world.receiver.pairs.length === 62);
  expect(world.receiver.pairs[1]!.tags[TAG.match]).toBe('generalized');
});

test('without the option an unknown value is a miss', async () => {
  const { aliasPort } = await world.start([mock('GET', `http://${HOST}/mailbox?email=ann@one.test`)]);
  expect((await ask(aliasPort, HOST, '/mailbox?email=x@y.test')).match).toBe('miss');
});
