import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, OperatingError, silentLogger } from '@echoplane/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRulesSource, type RulesInForce } from './rules-source.ts';

let dir = '';
let file = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rules-source-'));
  file = join(dir, 'my-rules.json');
});
afterEach(() => rm(dir, { recursive: true }));

const clock: Clock = { nowUs: () => 0, sleep: async () => {} };
const log = silentLogger();
const options = (rulesFile?: string) => ({ file: rulesFile, files: { dir, fsync: true }, clock, log });
const rules = (version: string, when = 'path == "/a"', more: object = {}) => ({
  ...{ v: 1, version, filter: { rules: [{ name: 'a', when, action: 'drop' }] } },
  ...more,
});
const write = (value: unknown) => writeFile(file, typeof value === 'string' ? value : JSON.stringify(value));

test('without a file and without a control plane the defaults hold', async () => {
  const source = await openRulesSource(options());
  expect(source.version).toBe('default-1');
  expect(source.error).toBeNull();
});

test('a changed file comes into force whole, and listeners hear of it once', async () => {
  await write(rules('1'));
  const source = await openRulesSource(options(file));
  const heard: RulesInForce[] = [];
  const stop = source.onChange((now) => heard.push(now));
  const before = source.current;
  await source.poll();
  expect(source.current).toBe(before);

  await write(rules('2', 'path == "/bb"'));
  await source.poll();
  await source.poll();
  expect(source.version).toBe('2');
  expect(heard).toEqual([source.current]);
  // Who read it before still has the old rules, all of them.
  expect(before.document.version).toBe('1');
  expect(before.ruleSet.counts()[0]!.rule).toBe('a');

  stop();
  await write(rules('3', 'path == "/ccc"'));
  await source.poll();
  expect(heard).toHaveLength(1);
});

test('a broken or missing file changes nothing, is told, and is forgiven when it is sound again', async () => {
  await write(rules('1'));
  const source = await openRulesSource(options(file));
  const { current } = source;
  await write(rules('2', 'pth == "/a"'));
  await source.poll();
  expect(source.current).toBe(current);
  expect(source.error).toMatch(
    /rules before it hold[\s\S]*filter\.rules\[0\]\.when: in the expression, column 1: there is no field pth/,
  );

  await rename(file, `${file}.away`);
  await source.poll();
  expect(source.current).toBe(current);
  expect(source.error).toMatch(/ENOENT/);

  await write(rules('1'));
  await source.poll();
  expect(source.error).toBeNull();
  expect(source.current).toBe(current);

  await rename(file, `${file}.away`);
  await source.poll();
  await rename(`${file}.away`, file);
  await source.poll();
  expect(source.error).toBeNull();
});

test('the file is watched until the signal aborts', async () => {
  await write(rules('1'));
  const halt = new AbortController();
  let naps = 0;
  const sleep = async () => {
    if (++naps === 2) await write(rules('2', 'path == "/bb"'));
    if (naps === 4) halt.abort();
  };
  const source = await openRulesSource({ ...options(file), clock: { nowUs: () => 0, sleep } });
  await source.run(halt.signal);
  expect(source.version).toBe('2');
  expect(naps).toBe(4);
});

test('a file that cannot be put in force at the start ends the start, with what to do', async () => {
  await expect(openRulesSource(options(file))).rejects.toThrow(/cannot be read/);
  await write('{ "v": 1,\n "version": }');
  await expect(openRulesSource(options(file))).rejects.toThrow(
    /Correct it and start again\.\nline 2, column 13: /,
  );
});

test('what the control plane offers comes into force, and holds after a restart without it', async () => {
  const source = await openRulesSource(options());
  expect(await source.offer(rules('7'))).toEqual({ version: '7' });
  expect(source.version).toBe('7');
  const again = await openRulesSource(options());
  expect(again.current.document).toEqual(source.current.document);
  expect(await again.offer(null)).toEqual({ version: 'default-1' });
  expect((await openRulesSource(options())).version).toBe('default-1');
});

test('offers are taken one after the other, in their order', async () => {
  const source = await openRulesSource(options());
  await Promise.all(['1', '2', '3', '4'].map((version) => source.offer(rules(version))));
  expect(source.version).toBe('4');
  expect(JSON.parse(await readFile(join(dir, 'rules.json'), 'utf8')).version).toBe('4');
});

test('an offer that cannot be put in force is refused with its reason, and the next one is judged anew', async () => {
  const source = await openRulesSource(options());
  await source.offer(rules('1'));
  const refused = source.offer(rules('2', 'status > "x"'));
  await expect(refused).rejects.toBeInstanceOf(OperatingError);
  await expect(refused).rejects.toThrow(/column 1: int > string does not work/);
  expect(source.version).toBe('1');
  expect(source.error).toMatch(/int > string/);
  expect((await openRulesSource(options())).version).toBe('1');
  await source.offer(rules('3'));
  expect(source.error).toBeNull();
});

test('an offer that cannot be kept is not put in force', async () => {
  const gone = join(dir, 'gone');
  const source = await openRulesSource({ ...options(), files: { dir: gone, fsync: true } });
  await expect(source.offer(rules('1'))).rejects.toThrow(/cannot be read or kept \(ENOENT\)/);
  expect(source.version).toBe('default-1');
});

test('with a file the control plane is refused, whatever it offers, and leaves nothing behind', async () => {
  await write(rules('1'));
  const source = await openRulesSource(options(file));
  await expect(source.offer(rules('2'))).rejects.toThrow(/takes its rules from the file/);
  expect(source.version).toBe('1');
  expect(source.error).toBeNull();
  expect(await readdir(dir)).toEqual(['my-rules.json']);
});

test('kept rules that cannot be read end the start: the defaults may let out what they kept in', async () => {
  await writeFile(join(dir, 'rules.json'), '{"v":1');
  await expect(openRulesSource(options())).rejects.toThrow(/Remove it to start with the default rules/);
});

test('rules that change nothing about folding keep its memory', async () => {
  const source = await openRulesSource(options());
  const fold = { enabled: true };
  await source.offer(rules('1', 'path == "/a"', { fold }));
  const before = source.current.fold;
  await source.offer(rules('2', 'path == "/b"', { fold }));
  expect(source.current.fold).toBe(before);
  await source.offer(rules('3', 'path == "/b"', { fold: { enabled: true, payloadsPerMinute: 2 } }));
  expect(source.current.fold).not.toBe(before);
});

test('the control plane may add to redaction; what would weaken it is refused, unless that was allowed', async () => {
  const source = await openRulesSource(options());
  await source.offer(rules('1', 'path == "/a"', { redaction: { keys: ['pin'] } }));
  expect(source.version).toBe('1');
  const weak = rules('2', 'path == "/a"', { redaction: { detectorsOff: ['email'] } });
  await expect(source.offer(weak)).rejects.toThrow(/weaken redaction: detectorsOff \(email\)/);
  expect([source.version, source.error]).toEqual([
    '1',
    expect.stringContaining('ECHOPLANE_CLOUD_MAY_WEAKEN'),
  ]);

  const trusting = await openRulesSource({ ...options(), cloudMayWeaken: true });
  await trusting.offer(weak);
  expect(trusting.version).toBe('2');
  // The permission was taken back while such rules were kept.
  await expect(openRulesSource(options())).rejects.toThrow(/weaken redaction/);
});

test("a rules file may do what it likes: it is the customer's", async () => {
  await write(rules('1', 'path == "/a"', { redaction: { enabled: false } }));
  expect((await openRulesSource(options(file))).current.document.redaction.enabled).toBe(false);
});

test('a ConfigMap is exchanged as a whole, by a link to another folder, and its rules come into force', async () => {
  const publish = async (version: string) => {
    await mkdir(join(dir, version));
    await writeFile(join(dir, version, 'rules.json'), JSON.stringify(rules(version)));
    await symlink(version, join(dir, '..data_tmp'));
    await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  };
  await publish('1');
  await symlink('..data/rules.json', join(dir, 'rules.json'));
  const source = await openRulesSource(options(join(dir, 'rules.json')));
  await source.poll();
  expect(source.version).toBe('1');
  await publish('2');
  await source.poll();
  expect(source.version).toBe('2');
});
