// docs/filters.md repeats every name of the language and every standard rule, and its examples work; a table that is no
// longer true is printed as it should be.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compileExpression } from './filter-language/compile.ts';
import { FIELDS, FUNCTIONS, type Name, REQUEST } from './filter-language/fields.ts';
import { compileShorthand } from './filter-language/shorthand.ts';
import { parseRules, rulesSchema } from './parse-rules.ts';
import { FilterRule, FoldRules, RulesDocument } from './rules-document.ts';
import { STANDARD_RULES } from './standard-rules.ts';

const page = await readFile(new URL('../../../docs/filters.md', import.meta.url), 'utf8');

/** The cells of a table between its comments, without the blanks that align them. */
function tableOf(name: string): string[][] {
  const lines = new RegExp(`<!-- ${name}:.*-->\\n([\\s\\S]*?)<!-- end of ${name} -->`).exec(page)?.[1] ?? '';
  const rows = lines.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| -'));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

function blocksOf(language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, text]) => text!,
  );
}

function cells(names: Readonly<Record<string, Name>>): string[][] {
  return Object.entries(names).map(([name, { type, text }]) => [`\`${name}\``, `\`${type}\``, text]);
}

test('the page has every field and every part of a message', () => {
  expect(tableOf('fields')).toEqual([['field', 'type', 'meaning'], ...cells(FIELDS)]);
  expect(tableOf('messages')).toEqual([['part', 'type', 'meaning'], ...cells(REQUEST)]);
});

test('the page has every function', () => {
  const rows = Object.entries(FUNCTIONS).map(([name, text]) => [`\`${name}\``, text]);
  expect(tableOf('functions')).toEqual([['name', 'use'], ...rows]);
});

test('the page has exactly the standard rules', () => {
  const rows = STANDARD_RULES.map(({ name, what }) => [`\`${name}\``, what]);
  expect(tableOf('standard rules')).toEqual([['rule', 'what it drops'], ...rows]);
});

test('every example of an expression, a search and a document works', () => {
  const expressions = blocksOf('cel').flatMap((block) => block.trim().split('\n'));
  expect(expressions.length).toBeGreaterThan(5);
  for (const line of expressions) compileExpression(line);
  const searches = blocksOf('search').flatMap((block) => block.trim().split('\n'));
  expect(searches.length).toBeGreaterThan(3);
  for (const line of searches) compileShorthand(line);
  const documents = blocksOf('json');
  expect(documents.length).toBeGreaterThan(0);
  for (const text of documents) parseRules(text);
});

test('the page names every key of a rules document', () => {
  const keys = [RulesDocument, RulesDocument.shape.filter.unwrap(), FilterRule, FoldRules].flatMap((of) =>
    Object.keys(of.shape),
  );
  for (const key of keys) expect(page, key).toMatch(new RegExp(`[\`.]${key}[\`.[]`));
});

test('the schema beside the page is that of the rules document', async () => {
  const file = await readFile(new URL('../../../docs/rules.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(rulesSchema())));
});
