// `echoplane transform`: what transforms would do to a recorded RRPair, before anything is replayed, and which extractors
// and functions there are. Secrets are read from a folder and shown nowhere.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { type Clock, OperatingError } from '@echoplane/runtime';
import { RRPair } from '@echoplane/traffic';
import {
  fillTemplate,
  type Lookups,
  type PreviewPart,
  parseTemplate,
  parseTransforms,
  preview,
  referenceRows,
  seededRandom,
  TransformState,
} from '@echoplane/transforms';
import { firstLines } from './first-lines.ts';

/** Changes, findings and idle chains of one message that are printed. */
const MAX_LISTED = 50;
const MAX_BYTES = 64 << 20;

export interface TransformPreviewOptions {
  /** A file with one RRPair, JSON; of JSON lines the first. */
  pair: string;
  /** A file with a transforms document or a template. */
  chain: string;
  /** Parameters of a template. */
  parameters: Readonly<Record<string, string>>;
  /** A folder with `NAME/KEY` files; null: there are no secrets. */
  secrets: string | null;
  /** Data sets: CSV files by name. */
  data: Readonly<Record<string, string>>;
  seed: number;
  json: boolean;
}

/** Prints what each place would do; 1 when a strict chain found nothing to work on. */
export async function transformPreview(
  options: TransformPreviewOptions,
  environment: NodeJS.ProcessEnv,
  clock: Pick<Clock, 'nowUs'>,
  print: (line: string) => void,
): Promise<number> {
  const pair = await readPair(options.pair);
  const document = await readDocument(options.chain, options.parameters);
  const nowUs = clock.nowUs();
  const parts = preview(pair, document, {
    ...{ nowUs, shiftUs: nowUs - pair.ts, random: seededRandom(options.seed) },
    state: new TransformState(),
    lookups: lookupsOf(options, environment),
  });
  if (options.json) print(JSON.stringify(parts));
  else printParts(parts, print);
  return parts.some(({ findings }) => findings.length > 0) ? 1 : 0;
}

/** Prints the extractors and the functions, one a line. */
export function transformList(print: (line: string) => void): number {
  for (const kinds of ['extractors', 'functions'] as const) {
    const rows = referenceRows(kinds).map((row) => row.map((cell) => cell.replaceAll('`', '')));
    const width = Math.max(...rows.map(([name]) => name!.length));
    print(`${kinds}:`);
    for (const [name = '', config = '', about = ''] of rows) {
      print(`  ${name.padEnd(width)}  ${about}`);
      if (config !== '–') print(`  ${' '.repeat(width)}  ${config}`);
    }
  }
  return 0;
}

async function readPair(path: string): Promise<RRPair> {
  const content = (await readText(path)).trim();
  const first = content.startsWith('{') ? (jsonOf(content) ?? jsonOf(content.split('\n', 1)[0]!)) : undefined;
  const parsed = RRPair.safeParse(first);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new OperatingError(
    'not_an_rrpair',
    `${path} holds no RRPair: ${issue!.path.join('.')} ${issue!.message}.`,
  );
}

async function readDocument(path: string, parameters: TransformPreviewOptions['parameters']) {
  const value = jsonOf(await readText(path));
  if (value === undefined) throw new OperatingError('not_transforms', `${path} is not JSON.`);
  const isTemplate = typeof value === 'object' && value !== null && 'document' in value;
  return isTemplate ? fillTemplate(parseTemplate(value), parameters) : parseTransforms(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string> {
  try {
    const content = await readFile(path, 'utf8');
    if (content.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return content;
  } catch (cause) {
    throw new OperatingError('unreadable', `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

function lookupsOf({ secrets, data }: TransformPreviewOptions, environment: NodeJS.ProcessEnv): Lookups {
  return {
    secret: (name, key) => (secrets === null ? undefined : secretIn(secrets, name, key)),
    env: (name) => environment[name],
    file: textOf,
    data: (name) => (Object.hasOwn(data, name) ? textOf(data[name]!) : undefined),
  };
}

/** A name that leads out of the folder names no secret. */
function secretIn(folder: string, name: string, key: string): string | undefined {
  const path = resolve(folder, join(name, key));
  return path.startsWith(resolve(folder) + sep) ? textOf(path)?.replace(/\n$/, '') : undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function printParts(parts: readonly PreviewPart[], print: (line: string) => void): void {
  for (const { at, changes, findings, missed, applied, delayUs } of parts) {
    print(`${at}: ${applied.length} chains applied, ${missed.length} found nothing`);
    const lists = [
      changes.map(
        ({ chain, path, before, after }) =>
          `  ${path}  (${chain})\n    - ${oneLine(before)}\n    + ${oneLine(after)}`,
      ),
      findings.map(({ chain, reason }) => `  ✗ ${chain}: ${reason}`),
      missed.map((chain) => `  · ${chain} found nothing to work on`),
    ];
    for (const entry of lists.flatMap((list) => firstLines(list, MAX_LISTED, 'with --json')))
      for (const line of entry.split('\n')) print(line);
    if (delayUs > 0) print(`  waits ${delayUs / 1e3} ms`);
  }
}

/** A control character would steer the terminal. */
function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}
