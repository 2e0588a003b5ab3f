// Requests of recordings that somebody keeps: each folder that holds a `tests.jsonl`, as snapshots have it, is a set of its own.
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { bodyBytes, type HeaderList, Test } from '@echoplane/traffic';
import type { Sent } from './mutations.ts';
import { HOST } from './recordings.ts';

const TESTS = 'tests.jsonl';
/** What the client frames itself, or would be another connection's. */
const NOT_SENT =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|expect|upgrade|http2-settings|:.*)$/i;

export interface KeptRecording {
  name: string;
  requests: Sent[];
}

/** The recordings below a folder, by name. */
export async function keptRecordings(folder: string): Promise<KeptRecording[]> {
  const files = await readdir(folder, { recursive: true });
  const kept: KeptRecording[] = [];
  const seen = new Set<string>();
  for (const file of files.filter((name) => basename(name) === TESTS).sort()) {
    const lines = (await readFile(join(folder, file), 'utf8')).split('\n').filter(Boolean);
    const requests = lines.flatMap((line) => sentOf(Test.parse(JSON.parse(line))));
    // A snapshot lies in a store and beside every replay of it.
    const all = JSON.stringify(requests);
    if (requests.length > 0 && !seen.has(all)) kept.push({ name: dirname(file), requests });
    seen.add(all);
  }
  return kept;
}

/** Nothing of a request that cannot be sent as it was: cut, encoded, or an upgrade. */
function sentOf({ request }: Test): Sent[] {
  const { method, target, headers, body } = request;
  const bytes = bodyBytes(body);
  if (bytes.length !== body.size || body.encoding !== 'identity' || method === 'CONNECT') return [];
  const kept: HeaderList = headers.filter(([name]) => !NOT_SENT.test(name));
  return [{ method, host: HOST, target, headers: kept, body: bytes }];
}
