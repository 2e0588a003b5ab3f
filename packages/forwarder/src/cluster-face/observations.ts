// What collectors saw, on its way to the control plane: judged line by line, redacted like everything else that leaves, and
// handed on at once. Nothing is kept here: what cannot be handed on is refused, and the collector keeps it.
import {
  type ApiClient,
  ApiError,
  MAX_OBSERVATION_BATCH_BYTES,
  MAX_OBSERVATIONS,
  NDJSON,
  Observation,
  type ObservationsAccepted,
} from '@echoplane/api';
import { FACE_PATHS } from '@echoplane/resources';
import type { Clock } from '@echoplane/runtime';
import { within } from '../agent/deadline.ts';
import { RateLimit } from '../callers/rate-limit.ts';
import type { FaceRoute } from './cluster-face.ts';
import { FaceProblem, type FaceRequest, readText, sendJson } from './face-request.ts';
import type { ObservationRedactor } from './observation-redactor.ts';

export interface ObservationIntakeOptions {
  client: ApiClient;
  redactor: ObservationRedactor;
  clock: Clock;
}

/** Lines a replay may send in the long run, and at once: a test that fails tells much in a moment. */
const LINE_LIMIT = { perS: 64, burst: 4_000, maxKeys: 200 };
const CALL_MS = 20_000;

/** The route for collectors. */
export function observationRoute(options: ObservationIntakeOptions): FaceRoute {
  const lines = new RateLimit(options.clock, LINE_LIMIT);
  return {
    ...{ method: 'POST', path: FACE_PATHS.observations, roles: ['collector'] },
    handle: (asked) => take(asked, options, lines),
  };
}

async function take(
  { request, response, signal }: FaceRequest,
  options: ObservationIntakeOptions,
  lines: RateLimit,
): Promise<void> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim();
  if (type !== NDJSON) throw new FaceProblem('invalid_request', `Send observations as ${NDJSON}.`);
  const text = await readText(request, MAX_OBSERVATION_BATCH_BYTES);
  const all = parseLines(text);
  const byReplay = Map.groupBy(all, ({ replay }) => replay);
  for (const [replay, { length }] of byReplay)
    if (!lines.take(replay, length))
      throw new FaceProblem('too_many_attempts', `Send at most ${LINE_LIMIT.perS} lines a second.`, 5);
  let accepted = 0;
  for (const [replay, ofReplay] of byReplay) {
    const observations = ofReplay.flatMap((one) => options.redactor.redact(one) ?? []);
    accepted += (await hand(replay, observations, options, signal)).accepted;
  }
  sendJson(response, { accepted } satisfies ObservationsAccepted);
}

/** Throws FaceProblem for the whole of it when a line is none: a collector of ours sends no such thing. */
function parseLines(text: string): Observation[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length > MAX_OBSERVATIONS)
    throw new FaceProblem('payload_too_large', `Send at most ${MAX_OBSERVATIONS} lines at once.`);
  return lines.map((line, index) => {
    const parsed = Observation.safeParse(parseOrNull(line));
    if (parsed.success) return parsed.data;
    // Without the line itself: it was not redacted.
    throw new FaceProblem('invalid_request', `Line ${index + 1} is no observation.`);
  });
}

function parseOrNull(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

async function hand(
  replay: string,
  observations: Observation[],
  { client, clock }: ObservationIntakeOptions,
  signal: AbortSignal,
): Promise<ObservationsAccepted> {
  const limit = { clock, ms: CALL_MS, what: 'handing on observations' };
  const input = { params: { id: replay }, body: { observations } };
  try {
    return await within(limit, signal, (limited) => client.call('ingestObservations', input, limited));
  } catch (err) {
    if (err instanceof ApiError && err.problem && err.status < 500)
      throw new FaceProblem(err.problem.code as FaceProblem['code'], err.problem.detail);
    throw new FaceProblem(
      'unavailable',
      'The control plane does not take observations now; send them again.',
      5,
    );
  }
}
