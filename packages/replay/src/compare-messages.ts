// What the server said on a WebSocket, against the recording: message by message, each compared as the body of an answer. It
// must not know how answers are compared. Pure.
import type { Body, Difference, HttpResponse, StreamMessage, Test } from '@echoplane/traffic';
import { leafAt } from './leaves.ts';

/** A message as it was said live; `body`: made when it is asked for. */
export interface SaidMessage {
  from: StreamMessage['from'] | string;
  kind: string;
  body(): Body;
}

const SAID = /^messages\[(\d+)\]\./;

/** The path of a leaf in the n-th data message of the server. */
export function saidPath(n: number, path: string): string {
  return `messages[${n}].${path}`;
}

/** Whether a path is of a message. */
export function isSaid(path: string): boolean {
  return SAID.test(path);
}

/** A test whose answer is the server's n-th data message: with what that hands out. */
export function testOfMessage(test: Test, n: number, message: StreamMessage): Test {
  const { from: _, kind: __, offsetUs, ...body } = message;
  const produces = test.produces.flatMap(({ token, path }) => {
    const [prefix, at] = SAID.exec(path) ?? [];
    return prefix !== undefined && Number(at) === n ? [{ token, path: path.slice(prefix.length) }] : [];
  });
  const response = answerOf(test, { encoding: 'identity', ...body });
  return { ...test, produces, response, durationUs: Math.max(test.durationUs, offsetUs) };
}

/** What a test handed out at a path, in its answer or in a message of the server. */
export function recordedAt(test: Test, path: string): string | undefined {
  const [prefix, n] = SAID.exec(path) ?? [];
  if (prefix === undefined) return leafAt(test.response, path);
  const message = saidByServer(test)[Number(n)];
  return message && leafAt(testOfMessage(test, Number(n), message).response, path.slice(prefix.length));
}

/** Differences at `messages[i]…`, of what was recorded; more than that is no difference. `compare`: one answer of one test. */
export function messageDifferences(
  test: Test,
  live: readonly SaidMessage[],
  compare: (one: Test, answer: HttpResponse) => readonly Difference[],
): Difference[] {
  const recorded = saidByServer(test);
  const said = live.filter(isOfServer);
  return recorded.flatMap((message, i): Difference[] => {
    const seen = said[i];
    if (!seen) return [{ path: `messages[${i}]`, problem: 'missing', expected: message.kind, actual: null }];
    const differences = compare(testOfMessage(test, i, message), answerOf(test, seen.body()));
    return differences.map((difference) => ({ ...difference, path: saidPath(i, difference.path) }));
  });
}

/** The server's data messages of a recorded conversation. */
export function saidByServer({ messages = [] }: Test): StreamMessage[] {
  return messages.filter(isOfServer);
}

function isOfServer({ from, kind }: { from: string; kind: string }): boolean {
  return from === 'server' && (kind === 'text' || kind === 'binary');
}

function answerOf({ response: { status } }: Test, body: Body): HttpResponse {
  return { status, headers: [], body };
}
