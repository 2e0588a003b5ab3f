// The inspector's words and its stream through the forwarder, against a control plane that holds them to the contract.
import { createClient } from '@echoplane/api';
import { FACE_PATHS } from '@echoplane/resources';
import { afterEach, expect, test } from 'vitest';
import { StandInControlPlane } from '../agent/stand-in-control-plane.fixture.ts';
import { SteppedClock } from '../agent/stepped-clock.fixture.ts';
import { Cleanup, KEY, until } from '../forwarder.fixture.ts';
import { FaceStage, SELF } from './cluster-face.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const AGENT = '0190a0a0-0000-4000-8000-00000000eeee';
const COMMAND = '0190a0a0-0000-7000-8000-00000000eee1';
const BAD_PATTERN = { name: 'bad', pattern: '(' };
const REGISTRATION = {
  ...{ agent: AGENT, kind: 'inspector', name: 'inspector-1', cluster: 'prod', version: '1.2.3' },
  ...{ storeAccess: 'private', sealingKey: 'key' },
};

async function startStage() {
  const clock = new SteppedClock();
  const plane = new StandInControlPlane(clock);
  const baseUrl = await plane.serve(cleanup);
  const headers = () => ({ authorization: `Bearer ${KEY}` });
  const client = createClient({ baseUrl, fetch, headers });
  const stage = await FaceStage.start(cleanup, { client, faceClock: clock });
  const as = await stage.identity('echoplane-inspector');
  const post = (path: string, body: unknown) => stage.ask('POST', path, { as, body: JSON.stringify(body) });
  const stream = (agent = AGENT) => stage.open('GET', `${FACE_PATHS.events}?agent=${agent}`, { as });
  return { plane, stage, post, stream, as };
}

test('it registers under the key of the forwarder and gets what the control plane answers', async () => {
  const { plane, post } = await startStage();
  const { status, text } = await post(FACE_PATHS.register, REGISTRATION);
  expect([status, JSON.parse(text).signingKey]).toEqual([
    200,
    { id: plane.key.id, publicKey: plane.key.publicKey },
  ]);
  expect(plane.registrations).toEqual([REGISTRATION]);
});

test('signed commands come down its stream untouched, and its progress and outcome go up', async () => {
  const { plane, post, stream } = await startStage();
  await post(FACE_PATHS.register, REGISTRATION);
  const { response } = await stream();
  let heard = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk;
  });
  const envelope = plane.command(COMMAND, { kind: 'flush' });
  plane.send('command', envelope);
  await until('the command', () => heard.includes('event: command'));
  expect(heard).toContain(`event: command\ndata: ${JSON.stringify(envelope)}\n\n`);
  expect((await post(FACE_PATHS.progress, { command: COMMAND, share: 0.5, message: 'half' })).status).toBe(
    204,
  );
  const outcome = { state: 'succeeded', message: null, result: { flushed: true } };
  expect((await post(FACE_PATHS.outcome, { command: COMMAND, ...outcome })).status).toBe(204);
  expect(plane.progress).toEqual([{ id: COMMAND, share: 0.5, message: 'half' }]);
  expect(plane.outcomes).toEqual([{ id: COMMAND, outcome }]);
  plane.cut();
  await until('the end of its stream', () => response.readableEnded || response.destroyed);
});

test('secrets in a log it read do not leave, in plain lines and in JSON', async () => {
  const { plane, post } = await startStage();
  await post(FACE_PATHS.register, REGISTRATION);
  plane.kinds.set(COMMAND, 'logs');
  const text = [
    'charging jane.doe@example.com with card 4111 1111 1111 1111',
    '{"level":30,"password":"hunter2-hunter2","msg":"signed in"}',
    '{"level":30,"authorization":"Bearer ghp_0123456789abcdefghijABCDEFGHIJ012345"}',
    '',
    'all is well',
  ].join('\n');
  const outcome = { state: 'succeeded', message: null, result: { text, truncated: false } };
  expect((await post(FACE_PATHS.outcome, { command: COMMAND, ...outcome })).status).toBe(204);
  const [told] = plane.outcomes;
  const left = (told!.outcome.result as { text: string }).text.split('\n');
  for (const secret of ['jane.doe', '4111 1111', 'hunter2', 'ghp_0123'])
    expect(left.join('\n')).not.toContain(secret);
  expect(left.slice(3)).toEqual(['', 'all is well']);
  expect(JSON.parse(left[1]!)).toMatchObject({ level: 30, msg: 'signed in' });
});

test('a log that cannot be redacted stays, and whoever asked is told', async () => {
  const { plane, stage, post } = await startStage();
  await post(FACE_PATHS.register, REGISTRATION);
  stage.document = { ...stage.document, redaction: { ...stage.document.redaction, patterns: [BAD_PATTERN] } };
  const result = { text: 'jane.doe@example.com', truncated: false };
  await post(FACE_PATHS.outcome, { command: COMMAND, state: 'succeeded', message: null, result });
  expect(plane.outcomes).toEqual([
    { id: COMMAND, outcome: { state: 'failed', message: expect.stringContaining('cannot be redacted') } },
  ]);
});

test('when it goes, its stream to the control plane goes too', async () => {
  const { plane, post, stream } = await startStage();
  await post(FACE_PATHS.register, REGISTRATION);
  const { asked } = await stream();
  const upstream = plane.streams.at(-1)!;
  asked.destroy();
  await until('the end upstream', () => upstream.destroyed);
});

test('an agent the control plane does not know is told so, and registers again', async () => {
  const { plane, stage, as } = await startStage();
  plane.fault = () => 'not_found';
  const answer = await stage.ask('GET', `${FACE_PATHS.events}?agent=${AGENT}`, { as });
  expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('"not_found"')]);
});

test('it speaks for itself: neither as the forwarder nor as another kind of agent', async () => {
  const { plane, stage, post, as } = await startStage();
  expect((await post(FACE_PATHS.register, { ...REGISTRATION, agent: SELF })).status).toBe(403);
  expect((await post(FACE_PATHS.register, { ...REGISTRATION, kind: 'forwarder' })).status).toBe(400);
  expect((await stage.ask('GET', `${FACE_PATHS.events}?agent=${SELF}`, { as })).status).toBe(403);
  expect((await stage.ask('GET', FACE_PATHS.events, { as })).status).toBe(400);
  expect(plane.requests).toEqual([]);
});

test('a control plane that is away is 503, one that refuses is what it said', async () => {
  const { plane, post } = await startStage();
  plane.fault = () => 'cut';
  expect((await post(FACE_PATHS.register, REGISTRATION)).status).toBe(503);
  plane.fault = () => 'suspended';
  const answer = await post(FACE_PATHS.register, REGISTRATION);
  expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('"suspended"')]);
});
