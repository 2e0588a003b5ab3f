// What is kept of a run for whoever looks into a failure: the plane's home, and a folder by service with the snapshot, the
// results of the last replays and the failures as text.
import { createWriteStream, existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ZstdOptions, zstdDecompressSync } from 'node:zlib';
import type { ReportDetail, Snapshot } from '@echoplane/api';
import type { TrafficQuery } from '@echoplane/traffic';
import type { FaultOutcome } from './faults/fault-exam.ts';
import type { PlantedCounts } from './faults/plan.ts';
import type { Exam } from './take.ts';

const QUERIES = 'recorded.json';

/** What was recorded, by service. */
export async function keptQueries(folder: string): Promise<Record<string, TrafficQuery>> {
  const file = join(folder, QUERIES);
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Record<string, TrafficQuery>) : {};
}

export async function keepQuery(folder: string, name: string, query: TrafficQuery): Promise<void> {
  const queries = { ...(await keptQueries(folder)), [name]: query };
  await writeFile(join(folder, QUERIES), `${JSON.stringify(queries, null, 2)}\n`);
}

/** Writes the snapshot's files, `report.json`, `failures.txt` and `results.jsonl` into `folder/name`. */
export async function keepReplay(
  { plane }: Exam,
  { folder, name, suffix }: { folder: string; name: string; suffix: string },
  snapshot: Snapshot,
  detail: ReportDetail,
): Promise<void> {
  const kept = join(folder, name);
  await mkdir(kept, { recursive: true });
  if (snapshot.prefix !== null)
    await cp(join(plane.storeDir, snapshot.prefix), join(kept, 'snapshot'), { recursive: true, force: true });
  await writeFile(join(kept, `report${suffix}.json`), `${JSON.stringify(detail, null, 2)}\n`);
  await writeFile(join(kept, `failures${suffix}.txt`), `${failuresAsText(detail)}\n`);
  await keepResults(plane.storeDir, detail.replay.id, join(kept, `results${suffix}.jsonl`));
}

/** Writes what was planted, what was found and what was called without cause into `folder/faults.json`. */
export async function keepFaults(folder: string, { unchanged: _, ...outcome }: FaultOutcome): Promise<void> {
  await writeFile(join(folder, 'faults.json'), `${JSON.stringify(outcome, null, 2)}\n`);
}

/** How often each fault was planted in services that were examined into this folder before, other than those named. */
export async function keptPlanted(folder: string, without: readonly string[]): Promise<PlantedCounts> {
  const planted: PlantedCounts = new Map();
  for (const name of await readdir(folder)) {
    const file = join(folder, name, 'faults.json');
    if (without.includes(name) || !existsSync(file)) continue;
    const { seeded } = JSON.parse(await readFile(file, 'utf8')) as FaultOutcome;
    for (const { fault } of seeded) planted.set(fault, (planted.get(fault) ?? 0) + 1);
  }
  return planted;
}

function failuresAsText({ report }: ReportDetail): string {
  return report.failures
    .map((failure) => {
      const { method, target, expectedStatus, actualStatus, session, headless } = failure;
      const head = `${method} ${target} (${failure.endpoint}) ${expectedStatus} → ${actualStatus}${headless ? ' headless' : ''}  test ${failure.test} result ${failure.result} session ${session}`;
      const differences = failure.differences.map(
        ({ path, problem, expected, actual }) =>
          `    ${problem} ${path}\n      recorded ${expected}\n      live     ${actual}`,
      );
      return [head, ...differences].join('\n');
    })
    .join('\n');
}

/** Every RRPair of a replay from the segments, in no order. */
export async function keepResults(storeDir: string, replay: string, file: string): Promise<void> {
  const out = createWriteStream(file);
  const names = await readdir(storeDir, { recursive: true });
  for (const name of names.filter((one) => one.includes('segments') && one.endsWith('.zst')).sort())
    for (const text of frames(await readFile(join(storeDir, name))))
      for (const line of text.split('\n')) if (line.includes(`"replay":"${replay}"`)) out.write(`${line}\n`);
  await new Promise<void>((resolve) => out.end(resolve));
}

/** The texts of a file's zstd frames; Node's decoder ends with the first one, and a skippable one is empty. */
export function* frames(file: Buffer): Iterable<string> {
  for (let at = 0; at < file.length; ) {
    const options = { info: true } as ZstdOptions;
    const { buffer, engine } = zstdDecompressSync(file.subarray(at), options) as unknown as Unpacked;
    at += engine.bytesWritten;
    yield buffer.toString();
  }
}

/** What `info` makes of the answer; `bytesWritten` counts what was read. */
interface Unpacked {
  buffer: Buffer;
  engine: { bytesWritten: number };
}
