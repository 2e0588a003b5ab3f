// Tables of the reference pages in docs/, for the tests that hold them to the code: as they stand between their two
// comments, and as they should be, both without the blanks that align columns.
import { readFile } from 'node:fs/promises';

/** The table `name` of a page. */
export async function tableOf(page: URL, name: string): Promise<string> {
  const text = await readFile(page, 'utf8');
  const lines = new RegExp(`<!-- ${name}:.*-->\\n([^]*?)<!-- end of ${name} -->`).exec(text)?.[1] ?? '';
  return lines
    .replace(/^\n|\n(?=\n)/g, '')
    .replace(/ +\|/g, ' |')
    .replace(/\| -+(?= \|)/g, '| ---');
}

/** A table of rows, the head first. */
export function table(...rows: readonly string[][]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => '---'), ...body]
    .map((row) => `| ${row.join(' | ')} |\n`.replace(/ +\|/g, ' |'))
    .join('');
}
