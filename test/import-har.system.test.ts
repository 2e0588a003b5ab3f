// `echoplane import har` against a real forwarder with files as tools and accidents make them; a browser's own file is in
// the browser suite.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CliStage } from './cli-stage.ts';
import { ForwarderStage } from './forwarder-stage.ts';

const DAY_MS = 86_400_000;

let home: string;
let cli: CliStage;

beforeEach(() => {
  cli = new CliStage();
  home = cli.folder;
});
afterEach(() => cli.close());

function entry(startedMs: number, path: string, response: object = {}) {
  return {
    startedDateTime: new Date(startedMs).toISOString(),
    ...{ time: 5, timings: { send: 1, wait: 2, receive: 2 } },
    request: { method: 'GET', url: `http://shop.test${path}`, httpVersion: 'HTTP/1.1', headers: [] },
    response: {
      ...{ status: 200, statusText: 'OK', httpVersion: 'HTTP/1.1', headers: [] },
      content: { size: 2, text: 'hi' },
      ...response,
    },
  };
}

function harFile(name: string, content: unknown): string {
  const file = join(cli.folder, name);
  const text = Array.isArray(content) ? JSON.stringify({ log: { entries: content } }) : String(content);
  writeFileSync(file, text);
  return file;
}

async function importing(files: string[], ...more: string[]) {
  const args = ['import', 'har', ...files, '--home', home, '--service', 'shop', ...more];
  const run = cli.run(args);
  return { code: await run.exit, output: run.output() };
}

describe('echoplane import har', () => {
  let stage: ForwarderStage;

  beforeEach(async () => {
    stage = await ForwarderStage.open();
    home = stage.home;
  });
  afterEach(() => stage.close());

  test('takes what was on the network, says what it left out, and is accounted for', async () => {
    const now = Date.now() - 60_000;
    const files = [
      harFile('a.har', [entry(now, '/a'), entry(now, '/b', { status: 0 }), {}]),
      harFile('b.har', [entry(now + 1, '/c'), { ...entry(now, '/d'), _fromCache: 'memory' }]),
    ];
    const { code, output } = await importing(files, '--direction', 'OUT', '--namespace', 'web');
    expect(output.trimEnd().split('\n')).toEqual([
      '  Imported 2 of 5 entries as 2 RRPairs of laptop/web/shop, OUT.',
      '  Skipped 1: had no response (blocked, cancelled or failed).',
      '  Skipped 1: could not be read (damaged, or larger than 64 MiB).',
      '  Skipped 1: came from the cache of the browser.',
    ]);
    expect(code).toBe(0);
    const pairs = await stage.stored();
    expect(pairs.map(({ ts, request }) => [ts, request!.url])).toEqual([
      [now * 1000, 'http://shop.test/a'],
      [(now + 1) * 1000, 'http://shop.test/c'],
    ]);
    expect(stage.cloud.report('import')).toMatchObject({
      service: 'laptop/web/shop',
      counters: { captured: 2, delivered: 2, withheld: {}, dropped: {} },
    });
  });

  test('more than the sender holds goes through whole', async () => {
    const text = 'x'.repeat(1 << 20);
    const now = Date.now() - 60_000;
    const big = Array.from({ length: 40 }, (_, n) => entry(now + n, `/${n}`, { content: { text } }));
    const { code, output } = await importing([harFile('big.har', big)]);
    expect(output).toContain('Imported 40 of 40 entries as 40 RRPairs');
    expect(code).toBe(0);
    const pairs = await stage.stored();
    expect(pairs.map(({ response }) => response!.body.size)).toEqual(big.map(() => text.length));
    expect(pairs.filter(({ gaps }) => gaps)).toEqual([]);
  });

  test('an old recording is moved to now as a whole, and this is said', async () => {
    const old = Date.now() - 90 * DAY_MS;
    const file = harFile('old.har', [entry(old, '/a'), entry(old + 5_000, '/b')]);
    const before = Date.now();
    const { output } = await importing([file]);
    expect(output).toMatch(/All times were moved 90\.0 days later, .*only the last 30 days are taken\./);
    const [first, second] = await stage.stored();
    expect(second!.ts - first!.ts).toBe(5_000_000);
    expect(second!.ts).toBeGreaterThanOrEqual(before * 1000);
  });

  test('with --times keep an old recording is left out, and the exit code says that nothing came in', async () => {
    const file = harFile('old.har', [entry(Date.now() - 90 * DAY_MS, '/a')]);
    const { code, output } = await importing([file], '--times', 'keep');
    expect(output).toContain('Skipped 1: lie outside the 30 days that are taken.');
    expect(code).toBe(1);
    expect(await stage.stored()).toEqual([]);
  });

  test('one bad file and nothing of any is sent', async () => {
    const good = harFile('good.har', [entry(Date.now() - 1_000, '/a')]);
    for (const [content, words] of [
      ['{"log":{"entries":[{"startedDateTime":', /bad\.har is cut off: it ends in the middle\. Nothing was/],
      ['<html></html>', /bad\.har is no HAR file: it does not begin with \{/],
      ['{"log":{}}', /bad\.har is no HAR file: it has no log\.entries/],
    ] as const) {
      const { code, output } = await importing([good, harFile('bad.har', content)]);
      expect(output).toMatch(words);
      expect(code).toBe(1);
    }
    const absent = await importing([good, join(cli.folder, 'absent.har')]);
    expect(absent.output).toMatch(/absent\.har cannot be read \(ENOENT\)\.\n$/);
    expect(await stage.stored()).toEqual([]);
  });
});

test.each([
  [['--tag', 'replay=x'], /tag replay has a meaning of its own/],
  [['--tag', 'x'], /must be name=value/],
  [['--namespace', 'a b'], /"a b" is no name of a service or namespace/],
  [['--times', 'later'], /Allowed choices are auto, keep, now/],
])('%j is refused', async (more, words) => {
  const { code, output } = await importing([harFile('a.har', [])], ...more);
  expect(output).toMatch(words);
  expect(code).toBe(1);
});
