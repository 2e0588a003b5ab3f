// What one thread plays of a run: its tests opened and checked, everything made ready and rehearsed, the start awaited, played
// to the end, results drained. It must not know what other threads do.
import {
  type CaptureSender,
  type Clock,
  type Logger,
  lookupsIn,
  OperatingError,
  tryDirectWrites,
} from '@echoplane/runtime';
import type { GeneratorRun } from '@echoplane/traffic';
import { seededRandom, type TransformState } from '@echoplane/transforms';
import type { GeneratorConfig } from './config.ts';
import { Credentials } from './credentials.ts';
import type { DeadLetter } from './dead-letters.ts';
import { LatencyBook } from './latency-book.ts';
import { LiveSpace } from './live-space.ts';
import { openRedactor } from './recording-redactor.ts';
import { Run } from './run.ts';
import { type ArtifactFiles, selectionOf, vaultOf } from './run-artifacts.ts';
import type { Shard } from './shards.ts';
import { tlsOptionsOf } from './target.ts';
import { TestFile } from './test-file.ts';
import { TestTransforms } from './test-transforms.ts';
import { readTokens } from './token-list.ts';
import { readTransforms } from './transform-files.ts';
import { MAX_WORKERS } from './worker-count.ts';

export interface PartContext {
  sender: Pick<CaptureSender, 'offerEncodable' | 'drain' | 'shedBodyBytes'>;
  clock: Clock;
  log: Logger;
  /** Aborting it cancels the run: no further request leaves, what is under way is given up, results are drained. */
  signal: AbortSignal;
  /** The variables that transforms may ask for. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Numbers of virtual users and rows of data sets. */
  counters: Pick<TransformState, 'nextOf'>;
  /** Called when everything is ready, with how many tests there are; resolves at the start: the one agreed on, µs, or null. */
  begin(planned: number): Promise<number | null>;
  /** Once a second. */
  progress(sent: number, planned: number): void;
}

export interface PlayedPart {
  run: GeneratorRun;
  notSent: readonly DeadLetter[];
}

/** `worker`: which part of the generator's tests. Throws OperatingError when artifacts cannot be used. */
export async function playPart(
  config: GeneratorConfig,
  { files, worker }: { files: ArtifactFiles; worker?: Shard | undefined },
  context: PartContext,
): Promise<PlayedPart> {
  const { targetUrl: target } = config;
  const tls = target.scheme === 'https' ? tlsOptionsOf(target, config) : null;
  const tests = await TestFile.open(files.tests, { ...selectionOf(config), worker });
  try {
    const redactor = await openRedactor({ ...config, ...files });
    const liveHost = config.hostHeader === 'target' ? target.host : null;
    const space = new LiveSpace(await readTokens(files.tokens), { redactor, liveHost });
    const { transforms, missingSecrets } = await transformsOf(config, context, { files, worker });
    const credentials = new Credentials(await vaultOf(config, files.vaultDir));
    await Promise.all([LatencyBook.ready(), tryDirectWrites()]);
    const run = new Run(config, context, { tests, space, credentials, transforms, missingSecrets, tls });
    await run.rehearse();
    return await run.toEnd(await context.begin(tests.planned));
  } finally {
    await tests.close();
  }
}

async function transformsOf(
  { targetUrl: target, replayId, secretsDir, dataDir, shard }: GeneratorConfig,
  { clock, environment, counters: cursors, log }: PartContext,
  { files: { transforms: paths }, worker }: { files: ArtifactFiles; worker: Shard | undefined },
): Promise<{ transforms: TestTransforms; missingSecrets: string[] }> {
  const lookups = lookupsIn({ secretsDir, dataDir, environment });
  const random = seededRandom(seedOf(replayId, shard, worker));
  const { compiled, secrets, dataProblems } = await readTransforms(paths);
  refuseData(dataProblems(lookups.data), dataDir);
  const missingSecrets = secrets.filter((secret) => {
    const [name = '', ...key] = secret.split('/');
    return lookups.secret(name, key.join('/')) === undefined;
  });
  if (missingSecrets.length > 0 && (worker?.index ?? 0) === 0)
    log.warn(
      { event: 'secrets-missing', secrets: missingSecrets },
      'transforms name secrets that nobody gave',
    );
  return {
    transforms: new TestTransforms(compiled, { lookups, target, clock, random, cursors }),
    missingSecrets,
  };
}

/** The same replay draws the same values, and each of its threads others. */
function seedOf(replayId: string, { index: shard } = { index: 0 } as Shard, worker?: Shard): number {
  const place = shard * MAX_WORKERS + (worker?.index ?? 0);
  return Number.parseInt(replayId.replaceAll('-', '').slice(-8), 16) ^ Math.imul(place, 0x9e37_79b1);
}

/** Without its row a request would be sent with anything. */
function refuseData(problems: readonly string[], dataDir: string | undefined): void {
  if (problems.length === 0) return;
  const where = dataDir ?? 'a folder that ECHOPLANE_DATA_DIR names';
  const sentence = `Transforms cannot be run: ${problems.join('; ')}. Data sets are CSV files, NAME.csv in ${where}.`;
  throw new OperatingError('bad_data_sets', sentence);
}
