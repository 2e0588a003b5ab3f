// Segments record by record through a Firehose delivery stream. What a call took is not sent again within one attempt,
// what it refused is; a new attempt sends everything, and the landing indexer keeps the first of each frame.
import { FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import { backoffMs, type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import { manifestRecord, planRecords, recordBatches, withoutFrames } from './firehose-records.ts';
import type { SegmentSink } from './segment-sink.ts';

const RETRY = { firstMs: 100, maxMs: 10_000 };
/** Calls for one batch, about half a minute of throttling; then the ship line tries the segment again, later. */
const ATTEMPTS = 10;
const TIMEOUTS = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true };

export interface FirehoseOptions {
  stream: string;
  region?: string | undefined;
  endpoint?: string | undefined;
  clock: Clock;
  log: Logger;
}

export function firehoseSink(options: FirehoseOptions): SegmentSink {
  const { region, endpoint, log } = options;
  const client = new FirehoseClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    // Repeating is done here, record by record.
    ...{ maxAttempts: 1, requestHandler: TIMEOUTS },
  });
  return {
    via: 'firehose',
    async ship(segment, signal) {
      const { records, oversizeFrames } = planRecords(segment.manifest);
      const manifest = withoutFrames(segment.manifest, oversizeFrames);
      const last = manifestRecord(manifest);
      let sizeBytes = 0;
      let repeated = 0;
      for await (const batch of recordBatches(segment, records, last)) {
        repeated += await putBatch(client, options, batch, signal);
        for (const record of batch) sizeBytes += record.length;
      }
      if (repeated > 0)
        log.info({ segment: manifest.segment, repeated }, 'records were sent again to the delivery stream');
      return { sizeBytes, manifest, oversizeFrames };
    },
  };
}

/** Sends until every record was taken; how many had to be sent again. Throws after the last attempt. */
async function putBatch(
  client: FirehoseClient,
  { stream, clock }: FirehoseOptions,
  batch: readonly Buffer[],
  signal: AbortSignal,
): Promise<number> {
  let due = batch;
  let repeated = 0;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const refused = await putOnce(client, stream, due, signal).catch((err) => {
      if (signal.aborted || attempt === ATTEMPTS || !isWorthRepeating(err)) throw meaningOf(err, stream);
      return due;
    });
    if (refused.length === 0) return repeated;
    if (attempt === ATTEMPTS) {
      const sentence = `The delivery stream ${stream} did not take ${refused.length} records after ${ATTEMPTS} attempts; raise its limits, or send less.`;
      throw new OperatingError('firehose_throttled', sentence);
    }
    due = refused;
    repeated += due.length;
    await clock.sleep(backoffMs(attempt, RETRY, Math.random()), signal);
  }
}

/** One call; the records it refused. */
async function putOnce(
  client: FirehoseClient,
  stream: string,
  records: readonly Buffer[],
  signal: AbortSignal,
): Promise<readonly Buffer[]> {
  const command = new PutRecordBatchCommand({
    DeliveryStreamName: stream,
    Records: records.map((Data) => ({ Data })),
  });
  const { RequestResponses: answers = [] } = await client.send(command, { abortSignal: signal });
  // Without an answer for each record none is known to be taken.
  if (answers.length !== records.length) return records;
  return records.filter((_, i) => answers[i]!.ErrorCode !== undefined || answers[i]!.RecordId === undefined);
}

interface ServiceError {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
  $response?: unknown;
}

/** Throttling, trouble on their side, and a network that broke; not what they understood and refused. */
function isWorthRepeating(err: unknown): boolean {
  const { name = '', $metadata } = err as ServiceError;
  const status = $metadata?.httpStatusCode;
  if (/Throttl|LimitExceeded|ServiceUnavailable|TooManyRequests/.test(name)) return true;
  return status === undefined ? name !== 'CredentialsProviderError' : status >= 500 || status === 429;
}

function meaningOf(err: unknown, stream: string): unknown {
  const { name = '', $metadata } = err as ServiceError;
  const say = (code: string, sentence: string) => new OperatingError(code, sentence, { cause: err });
  if (name === 'ResourceNotFoundException')
    return say('firehose_stream_missing', `There is no delivery stream ${stream}; make it or name another.`);
  if (/AccessDenied|UnrecognizedClient|Credentials/.test(name) || $metadata?.httpStatusCode === 403)
    return say(
      'firehose_access_denied',
      `The delivery stream ${stream} refuses these credentials; give them firehose:PutRecordBatch on it.`,
    );
  return err;
}
