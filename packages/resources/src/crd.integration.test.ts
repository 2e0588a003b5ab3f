// crds/ holds what the schemas say.
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { crds } from './crd.ts';

const FOLDER = new URL('../../../crds/', import.meta.url);

test('the files in crds/ are those of the schemas: run node deploy/crds.ts', async () => {
  const files = (await readdir(FOLDER)).sort();
  expect(files).toEqual(
    crds()
      .map(({ metadata }) => `${metadata.name}.yaml`)
      .sort(),
  );
  for (const crd of crds())
    expect(parse(await readFile(new URL(`${crd.metadata.name}.yaml`, FOLDER), 'utf8'))).toEqual(crd);
});
