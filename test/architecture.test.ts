// Holds the repository against the architecture's rules, and the rules against planted offences: a rule that catches
// nothing proves nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGES, type Source, violations } from './architecture-rules.ts';

const ROOT = join(import.meta.dirname, '..');

function sourcesOf(name: string): Source[] {
  return readdirSync(join(ROOT, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => `packages/${name}/src/${file.replaceAll('\\', '/')}`)
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

function declared(name: string): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
  return Object.keys({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  });
}

const packages = readdirSync(join(ROOT, 'packages'));
const dependencies = Object.fromEntries(packages.map((name) => [name, declared(name)]));
const sources = packages.flatMap(sourcesOf);

describe('the repository', () => {
  test('has rules for every package, and every package with rules', () => {
    expect(packages.sort()).toEqual(Object.keys(PACKAGES).sort());
  });

  test('keeps the rules', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(violations(sources, dependencies)).toEqual([]);
  });

  test('declares no dependency on one of our packages that the rules forbid', () => {
    for (const [name, list] of Object.entries(dependencies)) {
      const ours = list
        .filter((dependency) => dependency.startsWith('@echoplane/'))
        .map((dependency) => dependency.slice(11));
      expect({ name, forbidden: ours.filter((other) => !PACKAGES[name]!.mayImport.includes(other)) }).toEqual(
        { name, forbidden: [] },
      );
    }
  });
});

describe('a planted offence is named', () => {
  const header = '// What this file owns.\n';
  const plant = (path: string, text: string) =>
    violations([...sources, { path, text: header + text }], dependencies);

  test.each([
    [
      'packages/traffic/src/planted.ts',
      "import { x } from '@echoplane/analyzer';\n",
      'traffic (pure) imports @echoplane/analyzer (pure)',
    ],
    [
      'packages/traffic/src/planted.ts',
      "import { x } from '@echoplane/cloud';\n",
      'traffic (pure) imports @echoplane/cloud (program)',
    ],
    [
      'packages/runtime/src/planted.ts',
      "export * from '@echoplane/sidecar';\n",
      'runtime (kit) imports @echoplane/sidecar (program)',
    ],
    [
      'packages/cli/src/planted.ts',
      "import { x } from '../../cloud/src/app.ts';\n",
      'reaches into another package by path',
    ],
    ['packages/wire/src/planted.ts', "import net from 'node:net';\n", 'a pure package imports node:net'],
    [
      'packages/analyzer/src/planted.ts',
      'export const t = () => Date.now();\n',
      'a pure package uses Date.now',
    ],
    [
      'packages/sidecar/src/planted.ts',
      "import fastify from 'fastify';\n",
      'fastify belongs in cloud, operator, demo only',
    ],
    [
      'packages/sidecar/src/planted.ts',
      "import x from 'left-pad';\n",
      'left-pad is not in the package.json of sidecar',
    ],
    [
      'packages/sidecar/src/planted.ts',
      'export const home = process.env.HOME;\n',
      'process.env is read in main.ts only',
    ],
    ['packages/sidecar/src/proxy-utils.ts', 'export const a = 1;\n', '"utils" says nothing'],
    [
      'packages/sidecar/src/planted.ts',
      `export function f() {\n${'  void 0;\n'.repeat(80)}}\n`,
      'a function of 82 lines',
    ],
    [
      'packages/sidecar/src/planted.ts',
      'export const a = 1;\n'.repeat(1) + '\n// x'.repeat(401),
      'over 400 without a reason',
    ],
  ])('%s: %s', (path, text, offence) => {
    expect(plant(path, text).join('\n')).toContain(offence);
  });

  test('a cycle', () => {
    const ring: Source[] = [
      { path: 'packages/wire/src/a.ts', text: `${header}import './b.ts';\n` },
      { path: 'packages/wire/src/b.ts', text: `${header}import './a.ts';\n` },
    ];
    expect(violations(ring, dependencies)).toEqual([
      'import cycle: packages/wire/src/a.ts → packages/wire/src/b.ts → packages/wire/src/a.ts',
    ]);
  });
});
