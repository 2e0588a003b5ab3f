// How well an arrival rate is kept: 5,000 requests a second, each with its due time; how late they left is what the generator
// measured of itself. What pacing alone costs is measured apart: the same beat and schedule with nothing to send.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_FLAGS } from '@echoplane/resources';
import { announced, start, TEST_CORE } from '../sidecar/processes.ts';
import { generatorEnv, startSink } from './peers.ts';
import { answered, writeTests } from './recording.ts';
import { type Bench, PATH } from './stage.ts';

const RPS = 5_000;
const SECONDS = 30;
const QUICK_SECONDS = 5;
const SESSIONS = 1_000;

export interface Pacing {
  rps: number;
  seconds: number;
  lagP50Ms: number;
  lagP99Ms: number;
  lagMaxMs: number;
  /** Of pacing alone. */
  coreShare: number;
  /** Of the whole generator, sending, comparing and recording. */
  generatorCoreShare: number;
  voidReasons: string[];
}

interface RunLine {
  event: string;
  run: { late: Record<'p50Us' | 'p99Us' | 'maxUs', number>; cpuShare: number; voidReasons: string[] };
}

export async function measurePacing({ upstream, folder, generator, isQuick }: Bench): Promise<Pacing> {
  const seconds = isQuick ? QUICK_SECONDS : SECONDS;
  const [testsFile, tokensFile] = [join(folder, 'paced.jsonl'), join(folder, 'tokens.json')];
  await writeTests(testsFile, SESSIONS, await answered(upstream.port, PATH));
  await writeFile(tokensFile, '[]');
  const { sink, port: sinkPort } = await startSink();
  const program = start(TEST_CORE, [process.execPath, ...NODE_FLAGS.generator, generator], {
    ...generatorEnv({ port: upstream.port, testsFile, tokensFile, sinkPort }),
    ECHOPLANE_LOAD: JSON.stringify({ stages: [{ rps: RPS, durationS: seconds }] }),
  });
  const { run } = await announced<RunLine>(program, 'run' as keyof RunLine, (seconds + 60) * 1000);
  await sink.stop();
  const { late, cpuShare, voidReasons } = run;
  const pacing = {
    ...{ rps: RPS, seconds, coreShare: await alone(seconds), generatorCoreShare: cpuShare, voidReasons },
    ...{ lagP50Ms: late.p50Us / 1000, lagP99Ms: late.p99Us / 1000, lagMaxMs: late.maxUs / 1000 },
  };
  console.log(`\npacing: ${JSON.stringify(pacing)}`);
  return pacing;
}

/** Share of a core of the beat and the schedule, with nothing to send. */
async function alone(seconds: number): Promise<number> {
  const program = start(TEST_CORE, [
    process.execPath,
    join(import.meta.dirname, 'pacing-program.ts'),
    String(RPS),
    String(seconds),
  ]);
  return (await announced<{ coreShare: number }>(program, 'coreShare', (seconds + 30) * 1000)).coreShare;
}
