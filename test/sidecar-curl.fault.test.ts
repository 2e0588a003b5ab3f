// curl, in all its shapes, gets through every kind of listener the answer it gets directly, and each request is recorded.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEchoOrigin } from './stages/echo-origin.ts';
import { pairLine, type RunningSidecar, SidecarStage } from './stages/sidecar-stage.ts';

const GET = 'GET /a 200';
/** What curl is told beside the URL, and what is recorded. `PATH` is replaced by a file of 100 KB. */
const SHAPES: [name: string, path: string, args: string[], ...records: string[]][] = [
  ['a GET', '/a', [], GET],
  ['HTTP/1.0', '/a', ['--http1.0'], GET],
  ['HEAD', '/a', ['-I'], 'HEAD /a 200'],
  ['DELETE', '/a', ['-X', 'DELETE'], 'DELETE /a 200'],
  ['a form', '/a', ['-d', 'a=b', '-d', 'c=d e'], 'POST /a 200'],
  ['an upload with a length', '/a', ['-T', 'FILE'], 'PUT /a 200'],
  ['an upload in chunks', '/a', ['-T', 'FILE', '-H', 'Transfer-Encoding: chunked'], 'PUT /a 200'],
  ['an upload from a pipe', '/a', ['-T', '-'], 'PUT /a 200'],
  ['an upload that waits for 100', '/a', ['-d', '@FILE', '-H', 'Expect: 100-continue'], 'POST /a 200'],
  [
    'an upload that is not wanted',
    '/no',
    ['-d', '@FILE', '-H', 'Expect: 100-continue'],
    'POST /no 417 closed',
  ],
  ['--compressed', '/gzip', ['--compressed'], 'GET /gzip 200'],
  ['--tr-encoding', '/gzip', ['--tr-encoding'], 'GET /gzip 200'],
  ['a range', '/file', ['-r', '5-24'], 'GET /file 206'],
  ['a path as it is', '/b/../a/./..//x', ['--path-as-is'], 'GET /b/../a/./..//x 200'],
  ['a field of 60 KB', '/a', ['-H', `X: ${'y'.repeat(60_000)}`], GET],
  ['a field without a value', '/a', ['-H', 'X;'], GET],
  ['bytes that are not ASCII', '/%FF', ['-H', 'X: ü'], 'GET /%FF 200'],
  ['events', '/events', ['-N'], 'GET /events 200'],
  ['early hints', '/hints', [], 'GET /hints 200'],
  ['trailers', '/trailers', ['--raw'], 'GET /trailers 200'],
  ['a redirection', '/moved', ['-L'], 'GET /moved 302', 'GET /there 200'],
  ['two requests on a connection', '/a', ['-i', 'http://127.0.0.1:ORIGIN/a'], GET, GET],
  ['a connection for one request', '/a', ['-H', 'Connection: close'], GET],
];

let stage: SidecarStage;
let originPort: number;
let file: string;
let reverse: RunningSidecar;
let forward: RunningSidecar;
let socks: RunningSidecar;

beforeAll(async () => {
  stage = await SidecarStage.open();
  originPort = await stage.serve(createEchoOrigin());
  file = await stage.programs.file('upload', 'x'.repeat(100_000));
  [reverse, forward, socks] = await Promise.all([
    stage.sidecar({ MODE: 'reverse', TARGET_PORT: originPort }),
    stage.sidecar({ MODE: 'forward' }),
    stage.sidecar({ MODE: 'forward', PROTOCOL: 'socks' }),
  ]);
});
afterAll(() => stage.close());

/** curl's exit code and all it prints, with a `way` to the origin. */
async function curl(path: string, args: readonly string[], way: readonly string[]): Promise<string> {
  const told = args.map((arg) => arg.replace('FILE', file).replace('ORIGIN', String(originPort)));
  const all = [
    '-q',
    '-s',
    '-S',
    '-i',
    '--max-time',
    '120',
    // An answer to Expect that takes longer than curl's own second must not let it begin to send.
    '--expect100-timeout',
    '120',
    ...told,
    ...way,
    `http://127.0.0.1:${originPort}${path}`,
  ];
  const { code, stdout, stderr } = await stage.tool('curl', ...all);
  // The second may change between two answers.
  return `${code} ${stderr} ${stdout.replace(/^date: .*\r?\n/gim, '')}`;
}

test.each(SHAPES)(
  '%s answers through every listener as it does directly',
  async (_, path, args, ...records) => {
    const direct = await curl(path, args, []);
    expect(direct).toMatch(/^0 .*HTTP\/1.1 [1-4]/s);
    const ways = [
      ['--connect-to', `::127.0.0.1:${reverse.inPort}`],
      ['-x', `http://127.0.0.1:${forward.outPort}`],
      ['-x', `socks4a://127.0.0.1:${socks.outPort}`],
      ['-x', `socks5h://127.0.0.1:${socks.outPort}`],
    ];
    for (const way of ways) {
      const before = stage.forwarder.pairs.length;
      expect(await curl(path, args, way)).toBe(direct);
      const pairs = await stage.pairs(before + records.length);
      // Which end closes first is a matter of chance.
      const said = pairs
        .slice(before)
        .map((pair) => pairLine(pair).replace(/(client|server)-closed/, 'closed'));
      expect(said).toEqual(records);
    }
  },
);

test('all that was captured was delivered, and nothing stays open', async () => {
  for (const sidecar of [reverse, forward, socks]) {
    await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
    // The last acknowledgement may still be on its way.
    const fates = async () => {
      const { captured, delivered, withheld, dropped } = await sidecar.account();
      return { outstanding: captured - delivered, withheld, dropped };
    };
    await expect.poll(fates).toEqual({ outstanding: 0, withheld: 0, dropped: 0 });
    expect(await sidecar.metric('sidecar_framing_errors_total')).toBe(0);
  }
});
