// How a segment's bytes come to the store from a data plane that has no credentials for it: to a URL signed for this one
// object, or through here. The key is made of tenant, id and time, never taken from the request, so that nobody writes
// where another reads.
import { Readable } from 'node:stream';
import { BYTES } from '@echoplane/api';
import { segmentKey } from '@echoplane/traffic';
import type { Handlers, Services } from './handlers.ts';
import { ProblemError } from './problems.ts';

type Names = 'grantSegment' | 'uploadSegment';

/** The largest segment a forwarder can be set to make. */
export const MAX_SEGMENT_BYTES = 1 << 30;
/** A grant is used at once; the transfer may outlast it. */
const GRANT_S = 900;

export function segmentUploadHandlers({ store, presign, clock }: Services): Pick<Handlers, Names> {
  return {
    async grantSegment({ params, body, principal }) {
      checkSize(body.sizeBytes);
      if (!presign) {
        throw new ProblemError(
          'conflict',
          'The store of this control plane is a folder, to which nothing can be signed; use ECHOPLANE_SHIP=upload.',
        );
      }
      const key = segmentKey(principal.tenant.id, params.id, body.openedAt);
      const expiresAt = clock.nowUs() + GRANT_S * 1_000_000;
      return { key, ...(await presign({ key, sizeBytes: body.sizeBytes, expiresS: GRANT_S })), expiresAt };
    },
    async uploadSegment({ params, query, principal, request }) {
      const { body } = request;
      // The server reads as many bytes as this says, or fails: then nothing is stored.
      const sizeBytes = Number(request.headers['content-length']);
      if (!(body instanceof Readable) || !Number.isSafeInteger(sizeBytes)) {
        throw new ProblemError('invalid_request', `Send the segment as ${BYTES}, with its content-length.`);
      }
      checkSize(sizeBytes);
      const key = segmentKey(principal.tenant.id, params.id, query.openedAt);
      return { key, ...(await store.put(key, body)) };
    },
  };
}

function checkSize(sizeBytes: number): void {
  if (sizeBytes <= MAX_SEGMENT_BYTES) return;
  throw new ProblemError('payload_too_large', `A segment has at most ${MAX_SEGMENT_BYTES} bytes.`);
}
