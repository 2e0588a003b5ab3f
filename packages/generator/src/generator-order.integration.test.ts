// The order in which tests reach the service, and what the generator finds of their answers.
import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { TAG, type Test } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GeneratorStage, jsonAnswer, newTest } from './generator-stage.ts';

let stage: GeneratorStage;
beforeEach(async () => {
  stage = await GeneratorStage.open();
});
afterEach(() => stage.close());

const MS = 1_000;

test('a test waits for what had ended before it began, in any session, and runs beside what it overlapped', async () => {
  const seen: string[] = [];
  let openSlow = () => {};
  const port = await serve(async (url, response) => {
    seen.push(`> ${url}`);
    // Answered when the last one is here: only then was it right to send that one before this one had ended.
    if (url === '/slow') await new Promise<void>((resolve) => (openSlow = resolve));
    if (url === '/first') await delay(50);
    if (url === '/last') openSlow();
    seen.push(`< ${url}`);
    answer(response, {});
  });
  await stage.replay(port, [
    newTest('a', { target: '/slow' }, { offsetUs: 0, durationUs: 900 * MS }),
    newTest('b', { target: '/first' }, { offsetUs: 100 * MS, durationUs: 50 * MS }),
    newTest('c', { target: '/last' }, { offsetUs: 200 * MS, durationUs: 10 * MS }),
  ]);
  expect(seen.indexOf('> /last')).toBeGreaterThan(seen.indexOf('< /first'));
  expect(seen.indexOf('< /slow')).toBeGreaterThan(seen.indexOf('> /last'));
});

test('what one session made, another one uses', async () => {
  const seen: (string | undefined)[] = [];
  const live = '11111111-52a0-4d5c-9a55-1f0f0e8f9d22';
  const recorded = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';
  const port = await serve((url, response) => {
    seen.push(url);
    answer(response, url === '/carts' ? { id: live } : {});
  });
  const cart = newTest(
    'a',
    { target: '/carts' },
    { produces: [{ token: 't', path: 'body.id' }], response: jsonAnswer({ id: recorded }) },
  );
  const read = newTest('b', { target: `/carts/${recorded}` }, { offsetUs: 5, consumes: ['t'] });
  const token = { id: 't', kind: 'uuid' as const, session: 'a', value: recorded, consumers: [] };
  const tokens = [{ ...token, producer: { test: cart.id, path: 'body.id' }, evidence: '', enabled: true }];
  const run = await stage.replay(port, [read, cart], { tokens });
  expect(seen).toEqual(['/carts', `/carts/${live}`]);
  expect(run.asserted).toEqual({ passed: 2, failed: 0, headless: 0 });
});

test('answers are compared as they come: counts, verdicts of the results, latencies by endpoint', async () => {
  const port = await serve((url, response) => answer(response, { url: url === '/2' ? 'wrong' : url }));
  const of = (n: number, rest: Partial<Test> = {}) =>
    newTest(
      'a',
      { target: `/${n}` },
      { offsetUs: n, order: n, response: jsonAnswer({ url: `/${n}` }), ...rest },
    );
  const run = await stage.replay(port, [
    of(0),
    of(1, { headless: true }),
    of(2),
    of(3, { endpoint: '/{n}' }),
  ]);
  expect(run).toMatchObject({
    asserted: { passed: 2, failed: 1, headless: 1 },
    sampled: { kept: 4, of: 4 },
    histograms: [
      { method: 'GET', endpoint: '/', encoded: expect.stringMatching(/^HIST/) },
      { method: 'GET', endpoint: '/{n}', encoded: expect.stringMatching(/^HIST/) },
    ],
  });
  expect(run.late!.maxUs).toBeGreaterThanOrEqual(run.late!.p50Us);
  const verdicts = stage.receiver.pairs.map(({ tags }) => tags[TAG.verdict]);
  expect(verdicts).toEqual(['passed', 'passed', 'failed', 'passed']);
});

test('what the recorded client asked for until it changed is asked for until it has changed, before anything else is sent', async () => {
  const seen: (string | undefined)[] = [];
  const port = await serve((url, response) => {
    seen.push(url);
    answer(response, url === '/job' ? { state: seen.length < 5 ? 'queued' : 'done' } : {});
  });
  const asking = (n: number, state: string, rest: Partial<Test> = {}) =>
    newTest('a', { target: '/job' }, { offsetUs: n, order: n, response: jsonAnswer({ state }), ...rest });
  const run = await stage.replay(port, [
    asking(0, 'queued', { settling: [{ path: 'body.state', later: ['done'] }] }),
    asking(1, 'done'),
    newTest('a', { target: '/result' }, { offsetUs: 2, order: 2 }),
  ]);
  expect(seen).toEqual(['/job', '/job', '/job', '/job', '/job', '/result']);
  expect(run).toMatchObject({
    asserted: { passed: 3, failed: 0 },
    retries: { 'not-changed-yet': 3 },
  });
  expect(stage.receiver.pairs).toHaveLength(3);
});

test('a request whose connection breaks is sent again when that was asked for, and every time is counted', async () => {
  let asked = 0;
  const port = await serve((_, response) =>
    ++asked % 3 ? response.socket!.resetAndDestroy() : answer(response, {}),
  );
  const run = await stage.replay(port, [newTest('a', {}), newTest('a', {}, { order: 1, offsetUs: 1 })], {
    load: { retries: 2 },
  });
  expect(asked).toBe(6);
  expect(run).toMatchObject({ sent: 2, retries: { reset: 4 }, asserted: { passed: 2 } });
  expect(stage.receiver.pairs.map(({ tags }) => tags[TAG.attempt])).toEqual(['2', '2']);
});

function serve(handler: (url: string, response: ServerResponse) => unknown): Promise<number> {
  return stage.programs.serve(createServer((request, response) => void handler(request.url!, response)));
}

function answer(response: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
}
