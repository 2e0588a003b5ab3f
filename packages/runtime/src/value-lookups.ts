// Where embedded values of transforms are looked up: secrets, variables, files and data sets in folders that are named. A value is
// read once; it is never logged. It must not know what asks for them.
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';

export interface LookupPlaces {
  /** Folder with a folder for each secret and a file for each of its keys. */
  secretsDir?: string | undefined;
  /** Folder of files and of data sets, `NAME.csv`. */
  dataDir?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Undefined: there is no such thing. */
export interface ValueLookups {
  secret(name: string, key: string): string | undefined;
  env(name: string): string | undefined;
  file(path: string): string | undefined;
  data(name: string): string | undefined;
}

/** Look-ups that never leave their folders. */
export function lookupsIn({ secretsDir, dataDir, environment }: LookupPlaces): ValueLookups {
  const read = remembering();
  return {
    secret: (name, key) => read(within(secretsDir, name, key))?.replace(/\r?\n$/, ''),
    env: (name) => environment[name],
    file: (path) => read(within(dataDir, path)),
    data: (name) => read(within(dataDir, name.endsWith('.csv') ? name : `${name}.csv`)),
  };
}

/** A path inside the folder; undefined without one, or when it would lead out of it. */
function within(folder: string | undefined, ...parts: string[]): string | undefined {
  if (folder === undefined) return undefined;
  const path = normalize(join(folder, ...parts));
  return path.startsWith(join(normalize(folder), '/')) ? path : undefined;
}

const MAX_FILES = 1_000;

function remembering(): (path: string | undefined) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (path) => {
    if (path === undefined) return undefined;
    if (known.has(path)) return known.get(path);
    if (known.size >= MAX_FILES) known.delete(known.keys().next().value!);
    const text = readText(path);
    known.set(path, text);
    return text;
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
