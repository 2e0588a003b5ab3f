// `echoplane import har` when the forwarder it was told of has died: it waits for one that comes back, and then says so.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CliStage } from './cli-stage.ts';
import { ForwarderStage } from './forwarder-stage.ts';

const cli = new CliStage();
let stage: ForwarderStage | undefined;
afterEach(async () => {
  await stage?.close();
  await cli.close();
});

test('a forwarder that is gone gets one sentence', async () => {
  stage = await ForwarderStage.open();
  await stage.forwarder.end('SIGKILL');
  const file = join(cli.folder, 'a.har');
  const entry = {
    ...{ startedDateTime: new Date().toISOString(), time: 5, timings: { send: 1, wait: 2, receive: 2 } },
    request: { method: 'GET', url: 'http://shop.test/a', httpVersion: 'HTTP/1.1', headers: [] },
    response: { status: 200, statusText: 'OK', httpVersion: 'HTTP/1.1', headers: [], content: { size: 0 } },
  };
  writeFileSync(file, JSON.stringify({ log: { entries: [entry] } }));
  const run = cli.run(['import', 'har', file, '--home', stage.home, '--service', 'shop']);
  expect(await run.exit).toBe(1);
  expect(run.output()).toMatch(
    /^The forwarder on port \d+ does not take the stream; is "echoplane up" still/,
  );
});
