// What a capture stream may be refused for by its own words: a Hello or a Batch that is not as the protocol has it. Pure.
import { Incarnation } from '@echoplane/traffic';
import { type Batch, CAPTURE_STREAM_VERSION, type Hello, type Refusal } from '@echoplane/wire';

/** One index batch takes 20,000 rows. */
const MAX_BATCH_PAIRS = 10_000;
/** Names go into every row and report: as long as a DNS name, and nothing that a terminal or a database chokes on. */
const NAME = /^[^\p{Cc}\p{Cs}]{0,253}$/u;
const HOPS: readonly string[] = ['sidecar', 'generator', 'responder', 'import'];

/** A stable code and a sentence that says what to do. */
export function refusal(code: string, message: string): Refusal {
  return { code, message };
}

/** Why a Hello cannot be taken, before anybody asks whose it is. */
export function objectionTo({
  version,
  incarnation,
  hop,
  token: _,
  nameless: __,
  ...names
}: Hello): Refusal | null {
  if (version !== CAPTURE_STREAM_VERSION) {
    const sentence = `Version ${version} of the capture stream is not spoken here; use version ${CAPTURE_STREAM_VERSION}.`;
    return refusal('unsupported-version', sentence);
  }
  if (!Incarnation.safeParse(incarnation).success || !HOPS.includes(hop)) {
    const sentence = 'Hello needs a known hop and an incarnation of 1 to 64 letters, digits, _, . and -.';
    return refusal('bad-hello', sentence);
  }
  if (!Object.values(names).every((name) => NAME.test(name))) {
    return refusal('bad-hello', 'A name in Hello has at most 253 characters and no control characters.');
  }
  return null;
}

/** Why a batch cannot be taken; `accepted` is the last one of its stream. */
export function objectionToBatch({ seq, pairs }: Batch, accepted: number | null): Refusal | null {
  if (pairs.length > MAX_BATCH_PAIRS) {
    return refusal('batch-too-large', `A batch holds at most ${MAX_BATCH_PAIRS} pairs.`);
  }
  if (!Number.isSafeInteger(seq) || seq < 1 || (accepted !== null && seq > accepted + 1)) {
    const due = (accepted ?? 0) + 1;
    return refusal('batch-gap', `Batch ${due} is due, not ${seq}; connect again and go on from Welcome.`);
  }
  return null;
}
