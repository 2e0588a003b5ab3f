// Segments to a URL that the control plane signed for this one object: the bytes go straight into the bucket, and the data
// plane holds no credentials of it.
import type { ApiClient } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import { type ClosedSegment, type SegmentSink, whole } from './segment-sink.ts';
import { UPLOAD_TIMEOUT_MS, withSegmentStream } from './segment-stream.ts';

/** Of what a store says to a refusal. */
const MAX_REASON_BYTES = 500;

export function presignedSink(client: ApiClient): SegmentSink {
  return {
    via: 'store',
    async ship(segment, signal) {
      const { manifest, sizeBytes } = segment;
      const limited = AbortSignal.any([signal, AbortSignal.timeout(UPLOAD_TIMEOUT_MS)]);
      const body = { openedAt: manifest.openedAt, sizeBytes };
      const grant = await client.call('grantSegment', { params: { id: manifest.segment }, body }, limited);
      if (grant.key !== manifest.key) {
        const sentence = `The control plane granted ${grant.key} instead of ${manifest.key}; check that it and this forwarder are of one version.`;
        throw new OperatingError('grant_differs', sentence);
      }
      await put(segment, grant, limited);
      return whole(segment);
    },
  };
}

/** PUTs the file. A redirect is not followed: the signature is for this address. */
async function put(
  segment: ClosedSegment,
  { url, headers }: { url: string; headers: Record<string, string> },
  signal: AbortSignal,
): Promise<void> {
  const address = URL.parse(url);
  if (address?.protocol !== 'https:' && address?.protocol !== 'http:') {
    const sentence = 'The control plane signed something that is no http or https address; check its store.';
    throw new OperatingError('grant_not_http', sentence);
  }
  const answer = await withSegmentStream(segment, (bytes) => {
    const lengths = { 'content-length': String(segment.sizeBytes) };
    const init = { method: 'PUT', headers: { ...lengths, ...headers }, body: bytes, duplex: 'half' };
    return fetch(url, { ...(init as RequestInit), redirect: 'error', signal });
  });
  if (answer.ok) {
    await answer.body?.cancel();
    return;
  }
  const reason = await beginningOf(answer);
  const sentence = `The store at ${address.host} answered ${answer.status} to a signed PUT; check the control plane's rights on the bucket, and both clocks.`;
  throw new OperatingError('signed_put_refused', sentence, { cause: new Error(reason) });
}

/** The first bytes of the answer as text; the rest is not read. */
async function beginningOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk as Uint8Array);
    length += chunk.length;
    if (length >= MAX_REASON_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_REASON_BYTES);
}
