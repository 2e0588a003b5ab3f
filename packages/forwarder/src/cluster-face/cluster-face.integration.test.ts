// The cluster face over real TLS: who is heard, what the operator gets, and what no path can get at.
import { writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { type AddressNames, FACE_PATHS, FaceStatus, MAX_ADDRESS_NAMES } from '@echoplane/resources';
import { afterEach, describe, expect, test } from 'vitest';
import { Cleanup, TENANT, until } from '../forwarder.fixture.ts';
import { newAuthority } from '../intake/intake-tls.fixture.ts';
import { FaceStage, type Identity } from './cluster-face.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const SNAPSHOT = '0190a0a0-0000-7000-8000-00000000cccc';
const CODE = /"code":"(\w+)"/;
const codeOf = ({ text }: { text: string }) => CODE.exec(text)?.[1];

async function operatorStage(sources = {}) {
  const stage = await FaceStage.start(cleanup, { sources });
  return { stage, operator: await stage.identity('echoplane-operator') };
}

describe('who is heard', () => {
  test.each<[string, (stage: FaceStage) => Promise<Identity | undefined>]>([
    ['nobody without a certificate', async () => undefined],
    [
      'a certificate of another authority',
      async (stage) => stage.identity('echoplane-operator', await newAuthority()),
    ],
    [
      'a certificate for servers',
      (stage) => stage.identity('echoplane-operator', stage.authority, 'serverAuth'),
    ],
    ['another name of our authority', (stage) => stage.identity('shop')],
    ['a name that objects have by nature', (stage) => stage.identity('constructor')],
  ])('%s is not', async (_, identify) => {
    const stage = await FaceStage.start(cleanup);
    const answer = await stage.ask('GET', FACE_PATHS.status, { as: await identify(stage) });
    expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthenticated']);
  });

  test('a stranger does not become somebody by resuming its TLS session', async () => {
    const stage = await FaceStage.start(cleanup);
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 5 });
    const reused: boolean[] = [];
    for (let n = 0; n < 3; n++) {
      const { asked, response } = await stage.open('GET', FACE_PATHS.status, { agent });
      reused.push((asked.socket as import('node:tls').TLSSocket).isSessionReused());
      response.resume();
      expect(response.statusCode).toBe(401);
      await new Promise((resolve) => response.on('close', resolve));
    }
    expect(reused).toContain(true);
  });

  test.each([
    ['operator', 'POST', FACE_PATHS.register],
    ['operator', 'POST', FACE_PATHS.observations],
    ['inspector', 'GET', FACE_PATHS.vault],
    ['inspector', 'GET', FACE_PATHS.rules],
    ['inspector', 'POST', FACE_PATHS.flush],
    ['inspector', 'POST', FACE_PATHS.names],
    ['inspector', 'GET', `${FACE_PATHS.artifacts}x`],
  ])('the %s has no part in %s %s', async (role, method, path) => {
    const stage = await FaceStage.start(cleanup);
    const answer = await stage.ask(method, path, { as: await stage.identity(`echoplane-${role}`) });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'forbidden']);
  });

  test.each([
    ['a replay', 'replay', 403, 'forbidden'],
    ['a workload', 'shop', 403, 'forbidden'],
    ['nobody', 'wrong', 401, 'unauthenticated'],
    ['whom the API server may know', 'away', 503, 'unavailable'],
  ])('the token of a pod of %s opens nothing of the operator', async (_, token, status, code) => {
    const stage = await FaceStage.start(cleanup);
    const answer = await stage.ask('GET', FACE_PATHS.vault, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  });

  test('a path that is not there and a method that is not meant say so', async () => {
    const { stage, operator } = await operatorStage();
    expect(codeOf(await stage.ask('GET', '/nowhere', { as: operator }))).toBe('not_found');
    expect(codeOf(await stage.ask('DELETE', FACE_PATHS.vault, { as: operator }))).toBe('method_not_allowed');
  });
});

describe('the operator gets', () => {
  test('status, rules and a flush', async () => {
    const { stage, operator } = await operatorStage();
    const ask = async (method: string, path: string) =>
      JSON.parse((await stage.ask(method, path, { as: operator })).text);
    expect(FaceStatus.parse(await ask('GET', FACE_PATHS.status))).toMatchObject({
      agent: stage.sources.agent,
    });
    expect(await ask('GET', FACE_PATHS.rules)).toEqual(stage.document);
    expect(await ask('POST', FACE_PATHS.flush)).toEqual({ flushed: true });
  });

  test('the sealed vault with all that was sealed, or word that there is none', async () => {
    const vault = { file: '' };
    const flushVault = () => (vault.file === '' ? Promise.resolve() : writeFile(vault.file, '{"key":"x"}\n'));
    const { stage, operator } = await operatorStage({ flushVault });
    expect(codeOf(await stage.ask('GET', FACE_PATHS.vault, { as: operator }))).toBe('not_found');
    vault.file = join(stage.home, 'vault.jsonl');
    expect((await stage.ask('GET', FACE_PATHS.vault, { as: operator })).text).toBe('{"key":"x"}\n');
  });

  test('a file of a snapshot from the store', async () => {
    const { stage, operator } = await operatorStage();
    const key = `${TENANT}/snapshots/${SNAPSHOT}/mocks.jsonl`;
    await stage.store.put(key, Buffer.from('{"mock":1}\n'));
    const found = await stage.ask('GET', FACE_PATHS.artifacts + key, { as: operator });
    expect([found.status, found.text, found.headers['content-length']]).toEqual([200, '{"mock":1}\n', '11']);
  });

  test.each([
    ['a segment', `${TENANT}/segments/2026-01-01/${SNAPSHOT}.ndjson.zst`],
    ['of another organisation', `0190a0a0-0000-7000-8000-00000000bbbb/snapshots/${SNAPSHOT}/mocks.jsonl`],
    ['by a way up', `${TENANT}/snapshots/${SNAPSHOT}/../../../secret`],
    ['by an escaped way up', `${TENANT}/snapshots/..%2f..%2fsecret/mocks.jsonl`],
    ['that is no artifact', `${TENANT}/snapshots/${SNAPSHOT}/secret`],
    ['that is not there', `${TENANT}/snapshots/${SNAPSHOT}/tests.jsonl`],
  ])('no file %s', async (_, path) => {
    const { stage, operator } = await operatorStage();
    for (const key of ['secret', `${TENANT}/snapshots/${SNAPSHOT}/secret`])
      await stage.store.put(key, Buffer.from('x'));
    if (path.includes('segments') || path.includes('bbbb')) await stage.store.put(path, Buffer.from('x'));
    const answer = await stage.ask('GET', FACE_PATHS.artifacts + path, { as: operator });
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });

  test('where there is no store, whom to ask instead', async () => {
    const { stage, operator } = await operatorStage({ store: null });
    const path = `${FACE_PATHS.artifacts}${TENANT}/snapshots/${SNAPSHOT}/mocks.jsonl`;
    expect((await stage.ask('GET', path, { as: operator })).text).toContain('ask the control plane');
  });
});

describe('events for the operator', () => {
  async function listen(stage: FaceStage, operator: Identity, lastId?: string) {
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId };
    const { response } = await stage.open('GET', FACE_PATHS.events, { as: operator, headers });
    const heard = { text: '' };
    response.setEncoding('utf8').on('data', (chunk: string) => {
      heard.text += chunk;
    });
    response.on('error', () => {});
    cleanup.add(() => response.destroy());
    return { heard, response };
  }
  const eventsOf = (text: string) => [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);

  test('say how things stand, then what changes, and to who knows it only that', async () => {
    const { stage, operator } = await operatorStage();
    const { heard, response } = await listen(stage, operator);
    await until('the state', () => heard.text.includes('event: rules'));
    expect(eventsOf(heard.text)).toEqual(['ping', 'releases', 'rules']);
    stage.releases = [{ channel: 'stable', version: '1.2.3' }];
    for (const tell of stage.listeners) tell();
    await until('the release', () => heard.text.includes('"version":"1.2.3"'));
    const id = /^id: (\S+)$/gm;
    const last = [...heard.text.matchAll(id)].at(-1)![1]!;

    const again = await listen(stage, operator, last);
    await until('the first word', () => again.heard.text.includes('ping'));
    stage.document = { ...stage.document, version: 'next' };
    for (const tell of stage.listeners) tell();
    await until('the rules', () => again.heard.text.includes('"version":"next"'));
    expect(eventsOf(again.heard.text)).toEqual(['ping', 'releases', 'rules']);
    response.destroy();
    await until('the listener to leave', () => stage.listeners.size === 1);
  });
});

test('the operator says what addresses are called; what is no such table changes nothing', async () => {
  const taken: AddressNames[] = [];
  const { stage, operator } = await operatorStage({
    names: { replace: (names: AddressNames) => taken.push(names) },
  });
  const say = (body: unknown) =>
    stage.ask('POST', FACE_PATHS.names, { as: operator, body: JSON.stringify(body) });
  const said = { version: 'a', names: { '10.96.0.7': 'cart.shop.svc' } };
  expect(JSON.parse((await say(said)).text)).toEqual({ version: 'a' });
  const tooMany = Object.fromEntries(
    Array.from({ length: MAX_ADDRESS_NAMES + 1 }, (_, n) => [`fd00::${n}`, 'a']),
  );
  for (const bad of [
    { names: said.names },
    { version: 'b', names: { '10.96.0.7': '' } },
    { version: 'c', names: tooMany },
  ])
    expect((await say(bad)).status).toBe(400);
  expect(taken).toEqual([said]);
});
