// Whatever two ends say to each other, and however they end, they cannot tell whether the sidecar stands between them: every
// conversation of the corpus is played directly and through it, and everything either end saw must be the same.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { CapturedPair } from '@echoplane/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { c, converse, everyCut, type Seen, s, type Turn } from './stages/conversation.ts';
import { ODD_ENDINGS } from './stages/odd-endings.ts';
import { answer, CHUNKED, ODD_HTTP, post } from './stages/odd-http.ts';
import { pairLine, type RunningSidecar, SidecarStage, tcpServer } from './stages/sidecar-stage.ts';

let stage: SidecarStage;
let sidecar: RunningSidecar;
let originPort: number;
const origin = tcpServer(() => {});
const corpus = [...ODD_HTTP, ...ODD_ENDINGS];

beforeAll(async () => {
  stage = await SidecarStage.open();
  originPort = await stage.serve(origin);
  sidecar = await stage.sidecar({ TARGET_PORT: originPort });
});
afterAll(() => stage.close());

async function played(port: number, turns: readonly Turn[]): Promise<Seen> {
  const accepted = once(origin, 'connection') as Promise<[Socket]>;
  return converse(port, async () => (await accepted)[0], turns);
}

/** Plays the turns directly and through the sidecar, which must be the same. */
async function playedTwice(turns: readonly Turn[]): Promise<Seen> {
  const direct = await played(originPort, turns);
  const seen = await played(sidecar.inPort, turns);
  expect(seen.lines).toEqual(direct.lines);
  expect(seen.atClient.equals(direct.atClient)).toBe(true);
  expect(seen.atServer.equals(direct.atServer)).toBe(true);
  return seen;
}

/** What was recorded of a conversation, in its order; `since`: how many pairs there were before, one perhaps of the same port. */
async function recorded({ clientPort }: Seen, count: number, since: number): Promise<CapturedPair[]> {
  const own = () => stage.forwarder.pairs.slice(since).filter(({ client }) => client.port === clientPort);
  if (count > 0) await expect.poll(() => own().length).toBeGreaterThanOrEqual(count);
  return own().toSorted((a, b) => a.seq - b.seq || a.tsUs - b.tsUs);
}

test('the corpus holds at least sixty conversations, each once', () => {
  expect(corpus.length).toBeGreaterThanOrEqual(60);
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
});

test.each(corpus)('$name: passes as it is, and is recorded', async ({ turns, records }) => {
  const since = stage.forwarder.pairs.length;
  const seen = await playedTwice(turns);
  const pairs = await recorded(seen, records.length, since);
  expect(pairs.map(pairLine)).toEqual(records);
  for (const pair of pairs.filter(({ protocol }) => protocol === 'opaque'))
    expect([pair.sentBytes, pair.receivedBytes]).toEqual([seen.atServer.length, seen.atClient.length]);
});

test('a request and its answer pass wherever they are cut', async () => {
  const request = everyCut(c(`${post(CHUNKED)}2;x\r\nok\r\n0\r\nT: 1\r\n\r\n`));
  const response = everyCut(s(`${answer(CHUNKED)}2\r\nok\r\n0\r\n\r\n`));
  const longest = Math.max(request.length, response.length);
  for (let at = 0; at < longest; at++) {
    const since = stage.forwarder.pairs.length;
    const seen = await playedTwice([
      ...request.at(at % request.length)!,
      ...response.at(at % response.length)!,
    ]);
    expect((await recorded(seen, 1, since)).map(pairLine)).toEqual(['POST /a 200']);
  }
});

test('nothing was recorded twice, and nothing is missing in the count', async () => {
  // The ends are done; the sidecar may still be told so, and the last acknowledgement be on its way.
  await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
  const outstanding = async () => {
    const { captured, delivered } = await sidecar.account();
    return captured - delivered;
  };
  await expect.poll(outstanding).toBe(0);
  const { captured, delivered, withheld, dropped } = await sidecar.account();
  expect({ captured, withheld, dropped }).toEqual({
    captured: stage.forwarder.taken.size,
    withheld: 0,
    dropped: 0,
  });
  expect(delivered).toBe(captured);
  expect([...stage.forwarder.taken.values()].every((times) => times === 1)).toBe(true);
  expect(await sidecar.metric('sidecar_framing_errors_total')).toBe(0);
});
