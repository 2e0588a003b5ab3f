// Data sets: CSV with a header line, read once and looked up by the first column. They come as text from outside; a text
// that changes is read again.
import { parse } from 'csv-parse/sync';
import { miss } from './value.ts';

const MAX_TABLES = 32;
const MAX_TEXT_CHARS = 64 << 20;

export class DataTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  #byKey: Map<string, readonly string[]> | null = null;

  constructor([columns = [], ...rows]: string[][]) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Index of a column by name or number; a miss when there is none. */
  column(name: string | number): number {
    const index = typeof name === 'number' ? name : this.columns.indexOf(name);
    if (index < 0 || index >= this.columns.length)
      miss(`the data set has no column ${name}; it has ${this.columns.join(', ')}`);
    return index;
  }

  /** The field in the row whose first column is `key`. */
  find(key: string, field: string): string | undefined {
    this.#byKey ??= new Map(this.rows.toReversed().map((row) => [row[0] ?? '', row]));
    const column = this.columns.indexOf(field);
    return column < 0 ? undefined : this.#byKey.get(key)?.[column];
  }
}

/** Tables by name, kept as long as their text stays the same. */
export class DataTables {
  readonly #tables = new Map<string, { text: string; table: DataTable }>();

  table(name: string, text: string | undefined): DataTable {
    if (text === undefined) return miss(`there is no data set ${name}`);
    const known = this.#tables.get(name);
    if (known?.text === text) return known.table;
    if (text.length > MAX_TEXT_CHARS) miss(`data set ${name} is larger than ${MAX_TEXT_CHARS} characters`);
    const table = new DataTable(readCsv(name, text));
    if (this.#tables.size >= MAX_TABLES) this.#tables.delete(this.#tables.keys().next().value!);
    this.#tables.set(name, { text, table });
    return table;
  }
}

function readCsv(name: string, text: string): string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true });
  } catch (error) {
    return miss(`data set ${name} is not CSV: ${(error as Error).message}`);
  }
}
