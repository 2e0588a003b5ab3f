// Memory of the generator with a recording of 5 GB and a thousand virtual users: the peak of what is resident, from its start
// to the end of its load, the reading of the whole file included.
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_FLAGS } from '@echoplane/resources';
import { processTree, watchMemory } from '../sidecar/process-usage.ts';
import { announced, start, TEST_CORE } from '../sidecar/processes.ts';
import { generatorEnv, startSink } from './peers.ts';
import { answered, writeTests } from './recording.ts';
import { type Bench, PATH } from './stage.ts';

const USERS = 1_000;
const LOAD_S = 20;
/** A test is about 5 KB. */
const PAD_BYTES = 4_000;
const PER_SESSION = 20;
const TESTS = 1_050_000;
const QUICK_TESTS = 50_000;
const DEADLINE_MS = 1_200_000;

export interface Memory {
  rssMib: number;
  recordingMib: number;
  tests: number;
  users: number;
  /** From its start to its first request: the whole recording is read and checked. */
  openedS: number;
  sent: number;
}

interface RunLine {
  event: string;
  run: { sent: number; startedAt: number };
}

export async function measureMemory({ upstream, folder, generator, isQuick }: Bench): Promise<Memory> {
  const tests = isQuick ? QUICK_TESTS : TESTS;
  const [testsFile, tokensFile] = [join(folder, 'large.jsonl'), join(folder, 'tokens.json')];
  const shape = { perSession: PER_SESSION, padBytes: PAD_BYTES };
  await writeTests(testsFile, tests, await answered(upstream.port, PATH), shape);
  await writeFile(tokensFile, '[]');
  const { size } = await stat(testsFile);
  const { sink, port: sinkPort } = await startSink();
  const startedAt = Date.now();
  const program = start(TEST_CORE, [process.execPath, ...NODE_FLAGS.generator, generator], {
    ...generatorEnv({ port: upstream.port, testsFile, tokensFile, sinkPort }),
    ECHOPLANE_LOAD: JSON.stringify({ stages: [{ users: USERS, durationS: LOAD_S }] }),
  });
  const peak = watchMemory(processTree(program.pid));
  const { run } = await announced<RunLine>(program, 'run' as keyof RunLine, DEADLINE_MS);
  const { rssMib } = peak();
  await sink.stop();
  await rm(testsFile);
  const memory = {
    ...{ rssMib: Math.round(rssMib), recordingMib: Math.round(size / 2 ** 20), tests, users: USERS },
    ...{ openedS: Math.round(run.startedAt / 1e6 - startedAt / 1000), sent: run.sent },
  };
  console.log(`\nmemory: ${JSON.stringify(memory)}`);
  return memory;
}
