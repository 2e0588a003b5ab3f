// What the server said on a WebSocket, against the recording: message by message, each compared as the body of an answer. It
// must not know how answers are compared. Pure.
import type { Body, Difference, HttpResponse, StreamMessage, Test } from '@echoplane/traffic';

/** A message as it was said live; `body`: made when it is asked for. */
export interface SaidMessage {
  from: StreamMessage['from'] | string;
  kind: string;
  body(): Body;
}

/** Differences at `messages[i]…`, of what was recorded; more than that is no difference. `compare`: one answer of one test. */
export function messageDifferences(
  test: Test,
  live: readonly SaidMessage[],
  compare: (one: Test, answer: HttpResponse) => readonly Difference[],
): Difference[] {
  const recorded = (test.messages ?? []).filter(isOfServer);
  const said = live.filter(isOfServer);
  return recorded.flatMap(({ from: _, kind, offsetUs: __, ...body }, i): Difference[] => {
    const path = `messages[${i}]`;
    const seen = said[i];
    if (!seen) return [{ path, problem: 'missing', expected: kind, actual: null }];
    const expected = answerOf(test, { encoding: 'identity', ...body });
    const differences = compare({ ...test, response: expected }, answerOf(test, seen.body()));
    return differences.map((difference) => ({ ...difference, path: `${path}.${difference.path}` }));
  });
}

function isOfServer({ from, kind }: { from: string; kind: string }): boolean {
  return from === 'server' && (kind === 'text' || kind === 'binary');
}

function answerOf({ response: { status } }: Test, body: Body): HttpResponse {
  return { status, headers: [], body };
}
