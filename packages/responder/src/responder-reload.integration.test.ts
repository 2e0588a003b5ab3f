import { rename } from 'node:fs/promises';
import { request } from 'node:http';
import type { Mock } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProgramStage, type Receiver, until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';

let stage: ProgramStage;
let receiver: Receiver;
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
});
afterEach(() => stage.close());

const rate = (body: string, ttfbUs = 0): Mock => ({
  ...mock('GET', 'http://rates.test/eur', { response: { body } }),
  ttfbUs,
});

test('mocks are replaced while it serves: new requests see the new ones, one under way ends with the old', async () => {
  const responder = await start([rate('old', 1_500_000)], { ECHOPLANE_LATENCY: 'recorded' });
  const underWay = responder.ask();
  await until(async () => (await responder.metrics()).includes('requests_total 1\n'));
  await responder.replace([rate('new'), mock('GET', 'http://rates.test/usd')]);
  expect(await responder.reload()).toEqual({ mocks: 2 });
  expect(await responder.ask()).toBe('new');
  expect(await underWay).toBe('old');
  expect(await responder.stats()).toMatchObject({ exact: 2, mocks: 2 });
});

test('a bad file changes nothing, and its line is named', async () => {
  const responder = await start([rate('old')]);
  await responder.replace([rate('new')], '{"id":1}\n');
  expect(await responder.reload()).toEqual({
    error: expect.stringMatching(/^Line 2 of .* is not a mock: id: /),
  });
  expect(await responder.ask()).toBe('old');
  expect(await responder.stats()).toMatchObject({ mocks: 1 });
});

test('SIGHUP loads them anew, and so does a new file where that is wanted', async () => {
  const responder = await start([rate('old')], { ECHOPLANE_WATCH_MOCKS: 'true' });
  await responder.replace([rate('watched')]);
  await until(async () => (await responder.ask()) === 'watched');
  await responder.replace([rate('told')]);
  responder.program.child.kill('SIGHUP');
  await until(async () => (await responder.ask()) === 'told');
});

test('a sequence goes on where it was when the mocks are replaced', async () => {
  const sequence = ['one', 'two', 'three'].map((body, n) => ({ ...rate(body), sequence: n }));
  const responder = await start(sequence);
  expect(await responder.ask()).toBe('one');
  await responder.reload();
  expect([await responder.ask(), await responder.ask(), await responder.ask()]).toEqual([
    'two',
    'three',
    'three',
  ]);
});

async function start(mocks: Mock[], env: Record<string, string> = {}) {
  const mocksFile = await stage.file('mocks.jsonl', lines(mocks));
  const program = stage.start('responder', {
    ...{ ECHOPLANE_MOCKS_FILE: mocksFile, ECHOPLANE_LATENCY: 'none', ECHOPLANE_SIDECAR_PORT: '0' },
    ...{ ECHOPLANE_FORWARDER_PORT: String(receiver.port), ECHOPLANE_WORKLOAD: 'shop', ...env },
  });
  const { port, adminPort } = (await program.event('ready')) as { port: number; adminPort: number };
  const admin = async (method: string, path: string) =>
    (await fetch(`http://127.0.0.1:${adminPort}${path}`, { method })).json() as Promise<
      Record<string, number>
    >;
  return {
    program,
    ask: () => get(port),
    stats: () => admin('GET', '/stats'),
    metrics: async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(),
    reload: () => admin('POST', '/mocks/reload'),
    async replace(all: Mock[], more = ''): Promise<void> {
      await rename(await stage.file('next.jsonl', lines(all) + more), mocksFile);
    },
  };
}

function get(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = {
      port,
      host: '127.0.0.1',
      path: 'http://rates.test/eur',
      headers: { host: 'rates.test' },
      agent: false,
    };
    request(asked, (response) => {
      response.toArray().then((parts) => resolve(Buffer.concat(parts).toString()), reject);
    })
      .on('error', reject)
      .end();
  });
}

const lines = (mocks: Mock[]) => mocks.map((line) => `${JSON.stringify(line)}\n`).join('');
