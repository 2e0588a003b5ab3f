// The generator's configuration: one zod object over the environment (`ECHOPLANE_TARGET_URL`, …), parsed once.
// It must not read the environment itself.
import {
  ALWAYS,
  artifactFields,
  checkArtifacts,
  checkForwarderAddress,
  field,
  programFields,
  shippingFields,
} from '@echoplane/runtime';
import { Assertion, LoadPlan } from '@echoplane/traffic';
import { z } from 'zod';
import { AskedAssertions } from './asked-assertions.ts';
import { recordProblem } from './bad-artifact.ts';
import type { Shard } from './shards.ts';
import { parseTarget, type TargetTls } from './target.ts';
import { parseSlice, type TestSlice } from './test-slice.ts';
import { MAX_WORKERS, type WorkerSettings, workersProblem } from './worker-count.ts';

const MAX_SHARDS = 1_000;
const MAX_SLICES = 1_000;

export const generatorConfig = z
  .object({
    targetUrl: z
      .string()
      .transform(parseTarget)
      .describe('address of the service under test, http://host:port or https://host:port without a path'),
    hostHeader: z
      .enum(['target', 'recorded'])
      .default('target')
      .describe(
        'what stands in the Host header: the name of the target, or the recorded one; a Host that is signed stays as recorded',
      ),
    targetCaFile: field
      .text()
      .optional()
      .describe('PEM roots for an https target; without it those of Node.js'),
    targetCertFile: field.text().optional().describe('our PEM certificate towards an https target (mTLS)'),
    targetKeyFile: field.text().optional().describe('the PEM private key of that certificate'),
    targetServerName: field
      .text()
      .optional()
      .describe('name in the certificate of an https target, when it is not its host'),
    insecure: field.flag().default(false).describe('whether any certificate of an https target is taken'),
    testsFile: field
      .text()
      .optional()
      .describe('the snapshot artifact tests.jsonl; without it artifacts are fetched'),
    tokensFile: field
      .text()
      .optional()
      .describe('the snapshot artifact tokens.json; without it artifacts are fetched'),
    tests: slices()
      .default([{ host: '*', port: '*' }])
      .describe('which tests are sent, by the host they were recorded for: * or a list of host:port, host:*'),
    service: field
      .text()
      .optional()
      .describe('only tests recorded at this service: name, namespace/name or cluster/namespace/name'),
    shard: z
      .string()
      .transform(parseShard)
      .optional()
      .describe('which share of the sessions is sent: index/count, from 0, such as 0/4'),
    startUrl: field
      .url()
      .optional()
      .describe(
        'address that tells the common start of several generators; without it the run begins when it can',
      ),
    startDeadlineMs: field
      .integer(0, 86_400_000)
      .default(600_000)
      .describe('how long the common start is asked for, in ms'),
    vaultDir: field
      .text()
      .optional()
      .describe(
        'folder of the credential vault; without it credentials that were redacted are sent as their tokens',
      ),
    vaultKeyFile: field
      .text()
      .optional()
      .describe('private key that opens the vault; without it vault.key of its folder'),
    redactionKeyFile: field
      .text()
      .optional()
      .describe('the key the recording was redacted with; without it answers are compared as they come'),
    rulesFile: field
      .text()
      .optional()
      .describe('the rules document of the recording; without it the default rules redact answers'),
    replayId: z.uuid().describe('id of the replay, a UUID; every result carries it as a tag'),
    concurrency: field
      .integer(1, 10_000)
      .optional()
      .describe(
        'virtual users, each with one session at a time (8), or in recorded order the most requests at once (256)',
      ),
    workers: field
      .integer(1, MAX_WORKERS)
      .optional()
      .describe(
        'threads that share a load, each with sessions of its own; without it one for every 5,000 requests a second, up to one a core',
      ),
    thinkFactor: field
      .number(0, 1000)
      .optional()
      .describe(
        'recorded pauses are kept times this factor; without it as they were, in proportion when the recording spans more than a minute, and not at all by sessions or under load',
      ),
    timeoutMs: field
      .integer(1, 3_600_000)
      .optional()
      .describe(
        'time for one response, in ms from when its request was due (10,000; in recorded order, where all that follows needs the answer, 60,000)',
      ),
    load: json(LoadPlan)
      .optional()
      .describe('the load of a test config as JSON: order, stages, retries, keepResults and more'),
    assertions: json(z.array(Assertion).max(200))
      .superRefine(checkExpressions)
      .default([])
      .describe('what is asked of answers, as JSON, as in a test config; without it everything, strictly'),
    strict: field
      .flag()
      .default(false)
      .describe(
        'whether a test is held back when a value it needs did not come, instead of being sent as recorded',
      ),
    notSentFile: field
      .text()
      .optional()
      .describe('where tests that could not be sent are listed, one JSON object a line, with the reason'),
    transformsFile: field
      .list()
      .default([])
      .describe(
        'transforms documents, of chains with the same id the first counts; before those of the snapshot',
      ),
    secretsDir: field
      .text()
      .optional()
      .describe(
        'folder with a folder for each secret and a file for each of its keys, which transforms may name',
      ),
    dataDir: field
      .text()
      .optional()
      .describe('folder of files and data sets (NAME.csv) that transforms read'),
    startTimeoutMs: field
      .integer(0, 600_000)
      .default(5_000)
      .describe('how long a target that refuses connections at the start is waited for, in ms'),
    bodyLimitBytes: field
      .integer(1024, 8 << 20)
      .default(1 << 20)
      .describe('bytes kept of each body; the rest is counted'),
    messageLimitBytes: field
      .integer(1024, 1 << 30)
      .default(16 << 20)
      .describe(
        'bytes of the largest WebSocket message that is heard; a longer one ends its test, and voids the run',
      ),
    drainMs: field
      .integer(0, 600_000)
      .default(30_000)
      .describe('time for the last results to be acknowledged, in ms'),
    ...artifactFields,
    ...shippingFields,
    resultFile: field
      .text()
      .optional()
      .describe(
        'where the summary of the run is written as JSON; in at most 4,000 bytes where it is a pod’s termination log',
      ),
    ...programFields,
  })
  .superRefine(checkForwarderAddress)
  .superRefine(checkTargetTls)
  .superRefine(checkWorkers)
  .superRefine(checkArtifacts(['testsFile', 'tokensFile']), ALWAYS);
export type GeneratorConfig = Readonly<z.output<typeof generatorConfig>>;

/** A JSON text that `schema` reads; its first problem is named with its field. */
function json<S extends z.ZodType>(schema: S) {
  return z.string().transform((text, context): z.output<S> => {
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      context.addIssue({ code: 'custom', message: recordProblem(cause) });
      return z.NEVER;
    }
  });
}

function checkExpressions(assertions: readonly Assertion[], context: z.RefinementCtx): void {
  try {
    new AskedAssertions(assertions);
  } catch (cause) {
    context.addIssue({ code: 'custom', message: (cause as Error).message });
  }
}

function checkWorkers(config: WorkerSettings, context: z.RefinementCtx): void {
  const message = workersProblem(config);
  if (message !== null) context.addIssue({ code: 'custom', path: ['workers'], message });
}

/** A certificate comes with its key. */
function checkTargetTls(config: TargetTls, context: z.RefinementCtx): void {
  const { targetCertFile: cert, targetKeyFile: key } = config;
  const missing = (field: string) => context.addIssue({ code: 'custom', path: [field], message: 'missing' });
  if (cert !== undefined && key === undefined) missing('targetKeyFile');
  if (key !== undefined && cert === undefined) missing('targetCertFile');
}

function slices() {
  return field.list().transform((items, context): TestSlice[] => {
    if (items.length > MAX_SLICES)
      context.addIssue({ code: 'custom', message: `more than ${MAX_SLICES} slices` });
    return items.slice(0, MAX_SLICES).map((item) => {
      const slice = parseSlice(item);
      if (!slice) context.addIssue({ code: 'custom', message: `${item} is neither * nor host:port` });
      return slice ?? { host: '', port: '' };
    });
  });
}

function parseShard(text: string, context: z.RefinementCtx): Shard {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (index !== undefined && shard.index < shard.count && shard.count <= MAX_SHARDS) return shard;
  context.addIssue({
    code: 'custom',
    message: `${text} is not index/count with the index from 0 and at most ${MAX_SHARDS} shards`,
  });
  return z.NEVER;
}
