// docs/transforms.md repeats every extractor and function, and its examples work; the schema beside it is that of the
// document. A table that is no longer true is printed as it should be.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { table, tableOf } from '../../../test/reference-table.ts';
import {
  compileTransforms,
  fillTemplate,
  parseTemplate,
  parseTransforms,
  referenceRows,
  transformsSchema,
} from './index.ts';

const PAGE = new URL('../../../docs/transforms.md', import.meta.url);

test.each(['extractors', 'functions'] as const)('the page has the %s', async (of) => {
  expect(await tableOf(PAGE, of)).toBe(
    table(['name', 'configuration', 'what it does'], ...referenceRows(of)),
  );
});

test('every example works', async () => {
  const page = await readFile(PAGE, 'utf8');
  const blocks = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text!) as object);
  expect(blocks.length).toBeGreaterThan(4);
  for (const block of blocks) {
    // A snapshot's edits hold documents.
    if ('transforms' in block)
      for (const document of block.transforms as object[]) compileTransforms(parseTransforms(document));
    else if ('document' in block) compileTransforms(fillTemplate(parseTemplate(block), { host: 'x.test' }));
    else compileTransforms(parseTransforms('v' in block ? block : { v: 1, chains: [block] }));
  }
});

test('the schema beside the page is that of the document', async () => {
  const file = await readFile(new URL('../../../docs/transforms.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(transformsSchema())));
});
