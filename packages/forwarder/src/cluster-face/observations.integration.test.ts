// Observations of a replay from a collector to the control plane: redacted, bounded, and given back when nobody takes them.
import { MAX_LOG_LINE_BYTES, NDJSON, type Observation } from '@echoplane/api';
import { FACE_PATHS } from '@echoplane/resources';
import { afterEach, describe, expect, test } from 'vitest';
import { SteppedClock } from '../agent/stepped-clock.fixture.ts';
import { Cleanup } from '../forwarder.fixture.ts';
import { FaceStage, observationPlane } from './cluster-face.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const REPLAY = '0190a0a0-0000-7000-8000-00000000dddd';
const SECRET = 'sk_live_51Hd8sJk2eZvKYlo2CkXy9aBcDeFgHiJ';
const at = { replay: REPLAY, ts: 1, namespace: 'shop' };
const log = (line: string): Observation => ({ ...at, kind: 'log', pod: 'cart-1', container: 'app', line });

async function startStage() {
  const plane = await observationPlane(cleanup);
  const faceClock = new SteppedClock();
  const stage = await FaceStage.start(cleanup, { client: plane.client, faceClock });
  const send = (observations: readonly unknown[], type: string = NDJSON, token = 'replay') =>
    stage.ask('POST', FACE_PATHS.observations, {
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body: observations.map((one) => `${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join(''),
    });
  return { plane, stage, send, faceClock };
}

describe('observations', () => {
  test('reach the control plane without what redaction takes out, with their places', async () => {
    const { plane, send } = await startStage();
    const seen: Observation[] = [
      log(`{"level":"info","password":"hunter2-hunter2"}`),
      log(`charging jane.doe@example.com with ${SECRET}`),
      {
        ...at,
        kind: 'event',
        object: { kind: 'Pod', name: 'cart-1' },
        type: 'Warning',
        reason: 'Failed',
        message: `env ${SECRET}`,
        count: 2,
      },
      { ...at, kind: 'metric', pod: 'cart-1', container: 'app', cpuMillicores: 12.5, memoryBytes: 1 },
      { ...at, kind: 'note', code: 'log-left-out', message: `line of jane.doe@example.com` },
    ];
    const { status, text } = await send(seen);
    expect([status, JSON.parse(text)]).toEqual([200, { accepted: 5 }]);
    const told = JSON.stringify(plane.taken);
    for (const secret of [SECRET, 'hunter2', 'jane.doe']) expect(told).not.toContain(secret);
    expect(plane.taken).toMatchObject([
      { kind: 'log', pod: 'cart-1' },
      { kind: 'log', line: expect.stringMatching(/^charging \S+@redacted\.example\.com with /) },
      { kind: 'event', reason: 'Failed', count: 2 },
      seen[3]!,
      { kind: 'note', code: 'log-left-out' },
    ]);
  });

  test('keep their bound when tokens are longer than what they stand for', async () => {
    const { plane, send } = await startStage();
    const line = 'a@b.example '.repeat(MAX_LOG_LINE_BYTES).slice(0, MAX_LOG_LINE_BYTES);
    expect((await send([log(line)])).status).toBe(200);
    expect(plane.taken).toHaveLength(1);
  });

  test('follow a change of the rules', async () => {
    const { plane, stage, send } = await startStage();
    await send([log('ticket PAT-12345678')]);
    const patterns = [{ name: 'patient', pattern: 'PAT-[0-9]{8}' }];
    stage.document = { ...stage.document, redaction: { ...stage.document.redaction, patterns } };
    await send([log('ticket PAT-12345678')]);
    const lines = (plane.taken as { line: string }[]).map(({ line }) => line.includes('PAT-12345678'));
    expect(lines).toEqual([true, false]);
  });

  test.each([
    ['a line that is none', [log('a'), '{"kind":"log"}'], 400, 'Line 2 is no observation'],
    ['too many lines', Array.from({ length: 1_001 }, () => log('a')), 413, 'at most 1000 lines'],
    [
      'too many bytes',
      Array.from({ length: 70 }, () => log('a'.repeat(MAX_LOG_LINE_BYTES))),
      413,
      'at most 1048576 bytes',
    ],
  ])('with %s are refused as a whole', async (_, lines, status, words) => {
    const { plane, send } = await startStage();
    const answer = await send(lines);
    expect([answer.status, plane.taken]).toEqual([status, []]);
    expect(answer.text).toContain(words);
  });

  test('come as NDJSON from pods of replays only', async () => {
    const { send } = await startStage();
    expect((await send([log('a')], 'application/json')).status).toBe(400);
    expect((await send([log('a')], NDJSON, 'shop')).status).toBe(403);
  });

  test('beyond the rate are given back with a time to wait, and taken after it', async () => {
    const { send, faceClock } = await startStage();
    const many = Array.from({ length: 1_000 }, () => log('a'));
    for (let n = 0; n < 4; n++) expect((await send(many)).status).toBe(200);
    const refused = await send([log('a')]);
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '5']);
    faceClock.advance(5_000);
    expect((await send([log('a')])).status).toBe(200);
  });

  test.each([
    ['is away', { status: 502, text: 'bad gateway' }, 503],
    ['does not know the replay', { status: 404, text: PROBLEM('not_found', 404) }, 404],
  ])('are given back when the control plane %s', async (_, answer, status) => {
    const { plane, send } = await startStage();
    plane.answer = answer;
    expect((await send([log('a')])).status).toBe(status);
  });
});

function PROBLEM(code: string, status: number): string {
  return JSON.stringify({ type: 'urn:x', title: 'X', status, code, detail: 'So.', requestId: 'r' });
}
