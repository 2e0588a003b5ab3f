// "record", "snapshot" and "replay" as a developer uses them on a service of their own: its dependency is alive while it is
// recorded and gone when it is replayed; the exit code is the verdict's.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliStage, type Running, until } from './cli-stage.ts';
import { freePort } from './ports.ts';

/** Notes with serial ids, each with the colour that a dependency names; `BROKEN` forgets the second field. */
const SERVICE = `
import { createServer } from 'node:http';
const notes = [];
createServer(async (request, response) => {
  const send = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.method === 'POST') {
    const answer = await fetch('http://colors.localhost:' + process.env.COLORS_PORT + '/color').catch(() => null);
    if (!answer?.ok) return send(502, { error: 'no colour' });
    const { color } = await answer.json();
    const note = { id: notes.length + 1, key: crypto.randomUUID(), text: JSON.parse(Buffer.concat(chunks)).text, color };
    notes.push(note);
    return send(201, note);
  }
  const found = notes.find((note) => request.url === '/notes/' + note.key);
  if (!found) return send(404, { error: 'no such note' });
  send(200, process.env.BROKEN ? { ...found, color: undefined } : found);
}).listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
`;

const stage = new CliStage();
const home = join(stage.folder, 'home');
let colors: Server;
let colorsPort: number;
let isAway = false;

async function started(args: string[], words: RegExp): Promise<Running> {
  const run = stage.run(args);
  await until(() => words.test(run.output()) || run.child.exitCode !== null, `${args[0]} runs`);
  expect(run.output()).toMatch(words);
  return run;
}

/** The service on a port, with its outbound calls through a proxy on another. */
async function startService(proxyPort: number, env: Record<string, string> = {}): Promise<number> {
  const port = await freePort();
  const file = join(stage.folder, 'service.mjs');
  writeFileSync(file, SERVICE);
  const proxy = `http://127.0.0.1:${proxyPort}`;
  const run = stage.runProgram(file, {
    ...{ PORT: String(port), COLORS_PORT: String(colorsPort) },
    ...{ NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, ...env },
  });
  await until(() => run.output().includes('listening'), 'the service listens');
  return port;
}

async function use(port: number): Promise<void> {
  const post = (text: string) =>
    fetch(`http://127.0.0.1:${port}/notes`, { method: 'POST', body: JSON.stringify({ text }) });
  for (const text of ['milk', 'bread', 'tea']) {
    const { key } = (await (await post(text)).json()) as { key: string };
    await (await fetch(`http://127.0.0.1:${port}/notes/${key}`)).text();
  }
  isAway = true;
  expect((await post('wine')).status).toBe(502);
  isAway = false;
  await (await fetch(`http://127.0.0.1:${port}/notes/none`)).text();
}

beforeAll(async () => {
  colors = createServer((request, response) =>
    isAway ? request.socket.resetAndDestroy() : response.end('{"color":"green"}'),
  ).listen(0, '127.0.0.1');
  await until(() => colors.listening, 'the dependency listens');
  colorsPort = (colors.address() as { port: number }).port;
  await started(['up', '--home', home], /kept; Ctrl-C ends everything/);
  const [targetPort, inPort, outPort] = [await freePort(), await freePort(), await freePort()];
  const ports = ['--target', String(targetPort), '--in-port', String(inPort), '--out-port', String(outPort)];
  const recorder = await started(
    ['record', '--home', home, '--name', 'notes', ...ports],
    /Ctrl-C ends the recording/,
  );
  await startService(outPort, { PORT: String(targetPort) });
  await use(inPort);
  recorder.child.kill('SIGINT');
  await recorder.exit;
  await new Promise((resolve) => colors.close(resolve));
});

afterAll(() => stage.close());

test('snapshot says what it made, and makes tests and mocks of one service; not of a moment without its dependency', async () => {
  const run = stage.run([
    'snapshot',
    '--home',
    home,
    '--name',
    'first',
    '--service',
    'notes',
    '--from',
    '1h',
  ]);
  expect(await run.exit, run.output()).toBe(0);
  expect(run.output()).toMatch(/12 RRPairs: 7 tests of \d+ sessions?, 3 mocks/);
});

describe('replay', () => {
  const replay = async (env: Record<string, string>, args: string[]) => {
    const mocksPort = await freePort();
    const port = await startService(mocksPort, env);
    const target = ['--target', `http://127.0.0.1:${port}`, '--mocks-port', String(mocksPort)];
    const run = stage.run(['replay', '--home', home, '--snapshot', 'first', ...target, ...args]);
    return { code: await run.exit, output: run.output() };
  };

  test('of the same service passes with its dependency gone, and leaves the report in three forms', async () => {
    const [junit, markdown, json] = ['xml', 'md', 'json'].map((ending) =>
      join(stage.folder, `report.${ending}`),
    );
    const files = ['--junit', junit!, '--markdown', markdown!, '--json', json!];
    const { code, output } = await replay({}, [...files, '--build', 'same']);
    expect(code, output).toBe(0);
    expect(readFileSync(junit!, 'utf8')).toMatch(/<testsuites name="first same" tests="\d+" failures="0"/);
    expect(readFileSync(markdown!, 'utf8')).toMatch(/first same: passed/);
    expect(JSON.parse(readFileSync(json!, 'utf8'))).toMatchObject({
      verdict: 'passed',
      counts: { passed: 7, mockMiss: 0 },
    });
  });

  test('of a build that forgets a field names it, and ends with 1', async () => {
    const { code, output } = await replay({ BROKEN: 'yes' }, []);
    expect(code, output).toBe(1);
    expect(output).toMatch(/GET \/notes\/\{id\}: body\.color is missing \(was "green"\) \(3 of 3\)/);
  });

  test('of a build that forgets what its baseline forgets ends with 0 where that is allowed', async () => {
    const file = join(stage.folder, 'baseline.json');
    await replay({ BROKEN: 'yes' }, ['--json', file]);
    const { replay: id } = JSON.parse(readFileSync(file, 'utf8')) as { replay: string };
    const strict = await replay({ BROKEN: 'yes' }, ['--baseline', id]);
    expect(strict.code, strict.output).toBe(1);
    const allowed = await replay({ BROKEN: 'yes' }, ['--baseline', id, '--allow-known']);
    expect(allowed.code, allowed.output).toBe(0);
    expect(allowed.output).toMatch(
      /4 of 4 assertions hold \(100 %\), 3 more differ as they did in the baseline/,
    );
    expect(allowed.output).toMatch(/≈ .*body\.color is missing.*; the baseline has it too \(3 of 3\)/);
    const alone = await replay({}, ['--allow-known']);
    expect([alone.code, alone.output]).toEqual([
      3,
      expect.stringContaining('--allow-known needs --baseline'),
    ]);
  });

  test('with a config that forgives that ends with 0', async () => {
    const file = join(stage.folder, 'forgiving.json');
    writeFileSync(file, JSON.stringify({ assertions: [{ type: 'status' }] }));
    const { code, output } = await replay({ BROKEN: 'yes' }, ['--config', file]);
    expect(code, output).toBe(0);
  });

  test.each([
    ['an unknown snapshot', ['--snapshot', 'none'], /There is no snapshot none; there are first\./],
    ['a config that is none', ['--config', join(stage.folder, 'service.mjs')], /service\.mjs is not JSON/],
    ['a target that is no address', ['--target', 'nonsense'], /it is not a URL/],
  ])('with %s ends with 3 and a sentence', async (_what, args, words) => {
    const { code, output } = await replay({}, args);
    expect(code, output).toBe(3);
    expect(output).toMatch(words);
  });
});
