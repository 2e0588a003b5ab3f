import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LineSorter } from '@echoplane/analyzer';
import { expect, test } from 'vitest';
import { fileWorkspace } from './workspace-files.ts';

async function all(sorter: LineSorter): Promise<string[]> {
  const lines: string[] = [];
  for (const reader = sorter.reader(); ; ) {
    const batch = await reader.next();
    if (batch === null) return lines;
    lines.push(...batch);
  }
}

/** The same lines for the same seed: short, long and not ASCII. */
function someLines(count: number): string[] {
  let state = 7;
  return Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return `${state % 5_000}\t${'ü€😀x'.repeat(state % 40)}${state}`;
  });
}

test.each([
  ['that all fit', 1 << 20],
  ['in many runs', 4_000],
  ['each its own run', 1],
])('lines %s come back sorted, as often as they are read', async (_name, heldBytes) => {
  await using workspace = await fileWorkspace({ heldBytes });
  const sorter = workspace.sorter('lines');
  const lines = someLines(600);
  for (const line of lines) await sorter.push(line);
  expect(await all(sorter)).toEqual(lines.toSorted());
  expect(await all(sorter)).toEqual(lines.toSorted());
});

test('a line longer than what is read at a time comes back whole', async () => {
  await using workspace = await fileWorkspace({ heldBytes: 1 });
  const sorter = workspace.sorter('long');
  const long = 'é'.repeat(700_000);
  for (const line of [long, 'a', 'z']) await sorter.push(line);
  expect(await all(sorter)).toEqual(['a', 'z', long]);
});

test('an empty sorter ends at once, and nothing is left of a workspace', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'workspace-test-'));
  {
    await using workspace = await fileWorkspace({ parent, heldBytes: 1 });
    const [empty, full] = [workspace.sorter('empty'), workspace.sorter('full')];
    await full.push('x');
    expect([await all(empty), await all(full)]).toEqual([[], ['x']]);
  }
  expect(await readdir(parent)).toEqual([]);
  await rm(parent, { recursive: true });
});
