// What another worker is good for: an arrival rate that one thread cannot keep, sent by one and by two, on all cores. Upstream
// and sink have a core of these as well, so that on a machine with two the second worker has only what they leave.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { NODE_FLAGS } from '@echoplane/resources';
import { announced, start } from '../sidecar/processes.ts';
import { generatorEnv, startSink } from './peers.ts';
import { answered, writeTests } from './recording.ts';
import { type Bench, PATH } from './stage.ts';

const RPS = 30_000;
const SECONDS = 5;
const QUICK_SECONDS = 2;
const SESSIONS = 1_000;
const DEADLINE_MS = 300_000;
const WORKERS = [1, 2];

export interface WorkersFigures {
  workers: number;
  /** Requests a second that were sent and answered. */
  requestsPerSecond: number;
  /** Cores that the generator used. */
  cpuShare: number;
  lagP99Ms: number;
}

interface RunLine {
  event: string;
  run: { startedAt: number; finishedAt: number; sent: number; cpuShare: number; late: { p99Us: number } };
}

export async function measureWorkers({
  upstream,
  folder,
  generator,
  isQuick,
}: Bench): Promise<WorkersFigures[]> {
  const [testsFile, tokensFile] = [join(folder, 'shared.jsonl'), join(folder, 'tokens.json')];
  await writeTests(testsFile, SESSIONS, await answered(upstream.port, PATH));
  await writeFile(tokensFile, '[]');
  const stages = [{ rps: RPS, durationS: isQuick ? QUICK_SECONDS : SECONDS }];
  const cores = `0-${cpus().length - 1}`;
  const figures: WorkersFigures[] = [];
  for (const workers of WORKERS) {
    const { sink, port: sinkPort } = await startSink();
    const program = start(cores, [process.execPath, ...NODE_FLAGS.generator, generator], {
      ...generatorEnv({ port: upstream.port, testsFile, tokensFile, sinkPort }),
      ...{ ECHOPLANE_LOAD: JSON.stringify({ stages }), ECHOPLANE_WORKERS: String(workers) },
    });
    const { run } = await announced<RunLine>(program, 'run' as keyof RunLine, DEADLINE_MS);
    await sink.stop();
    const seconds = (run.finishedAt - run.startedAt) / 1_000_000;
    const requestsPerSecond = Math.round(run.sent / seconds);
    figures.push({ workers, requestsPerSecond, cpuShare: run.cpuShare, lagP99Ms: run.late.p99Us / 1000 });
  }
  console.log(`\nworkers: ${JSON.stringify(figures)}`);
  return figures;
}
