// Fetching a replay's artifacts into a folder of the pod: each file streams to disk beside its place and is renamed there
// when it is whole. Retried until a deadline; no size is taken on trust. It must not know what the artifacts hold.
import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import { field } from './config.ts';
import { ensureFolder } from './folder.ts';
import { OperatingError } from './lifecycle.ts';
import type { Logger } from './log.ts';
import { answerText, type PodAccess, podRequest } from './pod-request.ts';

/** Fields of programs that may fetch their artifacts instead of finding them as files. */
export const artifactFields = {
  artifactsUrl: field
    .url()
    .optional()
    .describe(
      'address under which the artifacts of the replay are fetched at the start; else they are files',
    ),
  artifactsFolder: field
    .text()
    .optional()
    .describe('folder the fetched artifacts are written to; wanted with the address of the artifacts'),
  artifactsLimitBytes: field
    .integer(1, Number.MAX_SAFE_INTEGER)
    .default(4 * 2 ** 30)
    .describe('bytes of the largest artifact that is fetched'),
  artifactsDeadlineMs: field
    .integer(0, 3_600_000)
    .default(300_000)
    .describe('time for all artifacts to be fetched, with retries, in ms'),
  podTokenFile: field
    .text()
    .optional()
    .describe("projected token of the pod's service account, shown where artifacts and start are asked for"),
  podCaFile: field.text().optional().describe('PEM roots for the address of the artifacts and of the start'),
};

export interface ArtifactConfig {
  artifactsUrl?: string | undefined;
  artifactsFolder?: string | undefined;
  artifactsLimitBytes: number;
  artifactsDeadlineMs: number;
  podTokenFile?: string | undefined;
  podCaFile?: string | undefined;
}

export interface FetchContext {
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

/** An artifact by its name; `optional`: that there is none (404) is an answer. */
export interface WantedArtifact {
  name: string;
  optional?: boolean;
}

/** For `superRefine`: the check runs also beside problems of single fields, so that all are told at once. */
export const ALWAYS = { when: () => true };

/** For `superRefine`: with an address there is a folder, and without one every field of `files` is set. */
export function checkArtifacts(files: readonly string[]) {
  return (config: ArtifactConfig & object, context: z.RefinementCtx): void => {
    const missing = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message });
    if (config.artifactsUrl !== undefined && config.artifactsFolder === undefined)
      missing('artifactsFolder', 'missing');
    if (config.artifactsUrl !== undefined) return;
    const values = config as unknown as Record<string, unknown>;
    for (const name of files) if (values[name] === undefined) missing(name, 'missing');
  };
}

/** How the pod is known where it fetches from. */
export function podAccessOf({ podTokenFile, podCaFile }: ArtifactConfig): PodAccess {
  return { tokenFile: podTokenFile, caFile: podCaFile };
}

const BACKOFF = { firstMs: 200, maxMs: 10_000 };

/** An answer that will not change by asking again. */
class Refused extends Error {}

/**
 * Fetches the artifacts of `config.artifactsUrl` and returns their paths by name; optional ones that do not exist are left
 * out. Throws OperatingError when one is refused or has not come before the deadline, or the signal aborts.
 */
export async function fetchArtifacts(
  config: ArtifactConfig,
  wanted: readonly WantedArtifact[],
  context: FetchContext,
): Promise<Map<string, string>> {
  const folder = config.artifactsFolder ?? '.';
  await ensureFolder(folder);
  const deadlineUs = context.clock.nowUs() + config.artifactsDeadlineMs * 1000;
  const paths = new Map<string, string>();
  for (const artifact of wanted) {
    const path = await fetchOne(config, { ...artifact, folder, deadlineUs }, context);
    if (path !== null) paths.set(artifact.name, path);
  }
  return paths;
}

async function fetchOne(
  config: ArtifactConfig,
  wanted: WantedArtifact & { folder: string; deadlineUs: number },
  { clock, log, signal }: FetchContext,
): Promise<string | null> {
  const { name, folder, deadlineUs } = wanted;
  const path = join(folder, name);
  for (let attempt = 1; ; attempt++) {
    const leftMs = Math.max(1, Math.ceil((deadlineUs - clock.nowUs()) / 1000));
    try {
      const until = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
      return await attemptOne(config, { ...wanted, path }, until);
    } catch (cause) {
      await rm(`${path}.partial`, { force: true });
      const pauseMs = backoffMs(attempt, BACKOFF, Math.random());
      const isLast = clock.nowUs() + pauseMs * 1000 >= deadlineUs;
      if (signal.aborted || cause instanceof Refused || isLast) throw unfetched(config, name, cause as Error);
      if (attempt === 1)
        log.info({ event: 'artifact-retry', name, err: cause }, 'an artifact is fetched again');
      await clock.sleep(pauseMs, signal);
    }
  }
}

async function attemptOne(
  config: ArtifactConfig,
  { name, optional, path }: WantedArtifact & { path: string },
  signal: AbortSignal,
): Promise<string | null> {
  const url = `${config.artifactsUrl!.replace(/\/$/, '')}/${encodeURIComponent(name)}`;
  const answer = await podRequest(url, { ...podAccessOf(config), signal });
  if (answer.statusCode === 404 && optional) {
    answer.destroy();
    return null;
  }
  if (answer.statusCode !== 200) throw await refusal(answer);
  const declared = answer.headers['content-length'];
  const sizeBytes = declared === undefined ? null : Number(declared);
  if (sizeBytes !== null && sizeBytes > config.artifactsLimitBytes) {
    answer.destroy();
    throw tooLarge(config, `${sizeBytes} bytes`);
  }
  const bound = bounded(config, sizeBytes);
  await pipeline(answer, bound, createWriteStream(`${path}.partial`, { mode: 0o600 }), { signal });
  const written = (await stat(`${path}.partial`)).size;
  if (sizeBytes !== null && written !== sizeBytes)
    throw new Error(`${written} of ${sizeBytes} bytes have come`);
  await rename(`${path}.partial`, path);
  return path;
}

/** Lets at most the declared length pass, or the limit where none was declared. */
function bounded(config: ArtifactConfig, sizeBytes: number | null): Transform {
  const most = sizeBytes ?? config.artifactsLimitBytes;
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      seen += chunk.length;
      if (seen > most) done(tooLarge(config, `more than ${most} bytes`));
      else done(null, chunk);
    },
  });
}

function tooLarge({ artifactsLimitBytes }: ArtifactConfig, what: string): Refused {
  return new Refused(`it has ${what}, and ECHOPLANE_ARTIFACTS_LIMIT_BYTES allows ${artifactsLimitBytes}`);
}

/** 401 and 403 may be a token about to be renewed, 404 an artifact about to be written: these are asked for again. */
async function refusal(answer: IncomingMessage): Promise<Error> {
  const text = (await answerText(answer)).trim().slice(0, 300);
  return new Error(`the answer is ${answer.statusCode}${text ? `: ${text}` : ''}`);
}

function unfetched({ artifactsUrl }: ArtifactConfig, name: string, cause: Error): OperatingError {
  const sentence = `The artifact ${name} cannot be fetched from ${artifactsUrl}: ${cause.message}. Is the operator up, and may this pod ask it?`;
  return new OperatingError('artifact_unfetched', sentence, { cause });
}
