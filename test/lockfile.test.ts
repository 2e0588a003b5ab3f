// The lock file must name every platform's optional packages: `npm ci` refuses it otherwise, and npm leaves out those that
// the registry at hand does not serve.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

interface Entry {
  version?: string;
  resolved?: string;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>;
};

test('names every optional dependency of every package', () => {
  const installed = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const missing = Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !installed.has(name));
  expect(missing).toEqual([]);
});

test('names no registry host', () => {
  expect(Object.values(packages).filter((entry) => !entry.link && entry.resolved)).toEqual([]);
});

test('pins every direct dependency to one version', () => {
  const loose = Object.entries(packages)
    .filter(([path]) => !path.includes('node_modules/'))
    .flatMap(([path]) => {
      const manifest = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8'));
      const all = {
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.optionalDependencies,
      } as Record<string, string>;
      return Object.entries(all).filter(([, range]) => !/^\d+\.\d+\.\d+/.test(range));
    });
  expect(loose).toEqual([]);
});
