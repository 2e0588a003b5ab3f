// Times that the recorded client read off its clock, against a real server: they arrive as far from now as they were then.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { storeBody } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GeneratorStage, jsonAnswer, newTest } from './generator-stage.ts';

let stage: GeneratorStage;
beforeEach(async () => {
  stage = await GeneratorStage.open();
});
afterEach(() => stage.close());

test('a client’s now is now, its hour from now an hour from now, and what it sent before the same again', async () => {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const said = await text(request);
    seen.push(said || new URL(request.url!, 'http://service').searchParams.get('from')!);
    const answer = said || '{}';
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
      .end(answer);
  });
  const port = await stage.programs.serve(server);
  const ts = Date.parse('2026-03-01T10:00:00Z') * 1e3;
  const recorded = { at: '2026-03-01T10:00:00.001Z', ends: '2026-03-01T11:00:00.002Z' };
  const make = newTest(
    'a',
    {
      ...{ method: 'POST', target: '/events', body: storeBody(Buffer.from(JSON.stringify(recorded)), '') },
      headers: [
        ['Host', 'shop.example'],
        ['Content-Type', 'application/json'],
      ],
    },
    { ts, ownTimes: [{ path: 'body.at' }, { path: 'body.ends' }], response: jsonAnswer(recorded) },
  );
  const read = newTest(
    'a',
    { target: `/events?from=${recorded.at}` },
    {
      order: 1,
      ts: ts + 1e6,
      offsetUs: 1e6,
      ownTimes: [{ path: 'query.from', again: true }],
      response: jsonAnswer({}),
    },
  );
  const before = Date.now();
  const run = await stage.replay(port, [make, read], {});
  const sent = JSON.parse(seen[0]!) as typeof recorded;
  const at = Date.parse(sent.at);
  expect([at >= before, at <= Date.now()]).toEqual([true, true]);
  expect(Date.parse(sent.ends) - at).toBe(3_600_001);
  expect(seen[1]).toBe(sent.at);
  expect(run.asserted).toEqual({ passed: 2, failed: 0, headless: 0 });
});
