// docs/where-your-data-goes.md is a promise to people who answer for data: what it lists is what the code has, no more and
// no less. The page is read as text, the code as the schemas it works with and, for files and connections, as source.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Heartbeat } from '@echoplane/api';
import { SECRET_KINDS } from '@echoplane/rules';
import { IndexRow } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { ForwarderConfig } from '../packages/forwarder/src/config.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = readFileSync(join(ROOT, 'docs/where-your-data-goes.md'), 'utf8');

/** The words in backticks between two comments of the page. */
function listed(name: string, page = PAGE): string[] {
  const part = new RegExp(`<!-- ${name}:.*?-->(.*?)<!-- end of ${name} -->`, 's').exec(page)?.[1];
  if (part === undefined) throw new Error(`the page has no part "${name}"`);
  return [...part.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

const sorted = (words: Iterable<string>) => [...words].sort();

/** Sources of a program, without its tests. */
function sourcesOf(name: string): { file: string; text: string }[] {
  const folder = join(ROOT, 'packages', name, 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
    .map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }));
}

describe('docs/where-your-data-goes.md', () => {
  test('lists exactly the fields of an index row', () => {
    expect(sorted(listed('rows'))).toEqual(sorted(Object.keys(IndexRow.shape)));
  });

  test('lists exactly the fields of the heartbeat', () => {
    expect(sorted(listed('heartbeat'))).toEqual(sorted(Object.keys(Heartbeat.shape)));
  });

  test('lists exactly the kinds of values that are redacted', () => {
    expect(sorted(listed('kinds'))).toEqual(sorted(SECRET_KINDS));
  });

  test('lists exactly the ways out for segments', () => {
    const { ship } = ForwarderConfig.shape;
    const ways = listed('ways').filter((word) => !word.startsWith('ECHOPLANE_'));
    expect(sorted(new Set(ways))).toEqual(sorted(ship.unwrap().options));
  });

  test('names every file the forwarder makes', () => {
    const names = sourcesOf('forwarder').flatMap(({ text }) =>
      [...text.matchAll(/'([a-z-]+\.(?:jsonl?|key|mark|pub))'/g)].map((match) => match[1]!),
    );
    expect(new Set(names).size).toBeGreaterThan(4);
    for (const name of new Set(names)) expect(PAGE).toContain(`\`${name}\``);
  });

  test('the forwarder opens connections in these files and no others', () => {
    const opens =
      /\bfetch\(|\bfetch,|\bconnect\(|https?\.request\(|createKubeClient\(|new (?:S3|Firehose)Client\(|WebSocket\(/;
    const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    const found = sourcesOf('forwarder').filter(({ text }) => opens.test(code(text)));
    expect(sorted(found.map(({ file }) => file))).toEqual([
      'callers/cluster-access.ts',
      'control-plane.ts',
      'otlp/otlp-line.ts',
      'sinks/firehose-sink.ts',
      'sinks/presigned-sink.ts',
    ]);
  });

  test('a page that lacks a field is noticed', () => {
    const lacking = PAGE.replace('`traceId`,', '');
    expect(sorted(listed('rows', lacking))).not.toEqual(sorted(Object.keys(IndexRow.shape)));
  });
});
