import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { request } from 'node:http';
import { signatureDigest, signatureOf } from '@echoplane/replay';
import { defaultRules, Redactor, redactRequest } from '@echoplane/rules';
import { createAuthority } from '@echoplane/runtime';
import { bodyText, type HeaderList, type Mock, storeBody, TAG } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Program, ProgramStage, type Receiver, until } from '../../../test/program-stage.ts';
import { mock } from './mock.fixture.ts';

const KEY = new Uint8Array(32).fill(7);
const MAIL = { to: 'ann@shop.example', iban: 'DE89370400440532013000', text: 'Your order is on its way' };
const URL_ = 'http://mail.test/send?api_key=k-0192837465-not-a-word';
const JSON_TYPE: HeaderList = [['Content-Type', 'application/json']];

let stage: ProgramStage;
let receiver: Receiver;
let authority: Record<string, string>;
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  authority = {
    ECHOPLANE_CA_CERT_FILE: await stage.file('ca.pem', certPem),
    ECHOPLANE_CA_KEY_FILE: await stage.file('ca.key', keyPem),
  };
});
afterEach(() => stage.close());

test('a service that sends real addresses, accounts and keys is answered from redacted mocks, with its own values', async () => {
  const recorded = redactedMock(MAIL, URL_);
  expect(JSON.stringify(recorded)).not.toMatch(/ann@shop|DE8937|k-0192837465/);
  const responder = await start([recorded], { ECHOPLANE_REDACTION_KEY_FILE: await keyFile(KEY) });
  const answer = await responder.post(URL_, MAIL);
  expect(answer).toMatchObject({ status: 200, match: 'exact' });
  expect(answer.body).toEqual({
    accepted: MAIL.to,
    account: MAIL.iban,
    by: expect.stringMatching(/^u-.*@redacted\.example\.com$/),
  });
  const other = await responder.post(URL_, { ...MAIL, to: 'bob@shop.example' });
  expect(other).toMatchObject({ status: 501, match: 'miss' });
  expect(responder.program.stderr()).toBe('');
});

test('a replay without the vault sends tokens, and they match as they are', async () => {
  const recorded = redactedMock(MAIL, URL_);
  const { to, iban } = tokensOf(MAIL);
  const responder = await start([recorded], { ECHOPLANE_REDACTION_KEY_FILE: await keyFile(KEY) });
  const answer = await responder.post(URL_, { ...MAIL, to, iban });
  expect(answer).toMatchObject({ match: 'exact', body: { accepted: to, account: iban } });
});

test('under another key every request misses, and the miss asks whether it is another key', async () => {
  const keys = { ECHOPLANE_REDACTION_KEY_FILE: await keyFile(randomBytes(32)) };
  const responder = await start([redactedMock(MAIL, 'http://mail.test/send')], keys);
  const answer = await responder.post('http://mail.test/send', MAIL);
  expect(answer).toMatchObject({ status: 501, match: 'miss' });
  expect(answer.body.difference).toMatch(/^body\.\w+: "\S+" → "\S+" \(redacted with another key\?\)$/);
  await until(() => receiver.pairs.length === 1);
  expect(receiver.pairs[0]!.tags[TAG.difference]).toBe(answer.body.difference);
  const misses = await responder.admin('/misses');
  expect(misses).toContain('redacted with another key?');
  expect(misses).not.toContain(MAIL.to);
});

test('the target of a miss is shown redacted', async () => {
  const responder = await start([redactedMock(MAIL, URL_)], {
    ECHOPLANE_REDACTION_KEY_FILE: await keyFile(KEY),
  });
  await responder.post('http://mail.test/other?email=ann%40shop.example', MAIL);
  const misses = await responder.admin('/misses');
  expect(misses).toMatch(/\/other\?email=u-\w{12}%40redacted\.example\.com/);
  expect(misses).not.toContain('ann');
});

test('without a key redacted mocks are matched as they are, with one warning and no value in clear', async () => {
  const responder = await start(
    [redactedMock(MAIL, 'http://mail.test/send'), mock('GET', 'http://rates.test/')],
    {},
  );
  const answers = [
    await responder.post('http://mail.test/send', MAIL),
    await responder.post('http://mail.test/send', MAIL),
  ];
  for (const { body } of answers) expect(body.difference).toMatch(/ECHOPLANE_REDACTION_KEY_FILE$/);
  expect(JSON.stringify(answers)).not.toContain(MAIL.to);
  expect(await responder.get('http://rates.test/')).toMatchObject({ match: 'exact' });
  expect(await warnings(responder.program)).toBe(1);
});

test('mocks that hold nothing redacted need no key, and no warning', async () => {
  const responder = await start([mock('GET', 'http://rates.test/')], {});
  expect(await responder.get('http://rates.test/')).toMatchObject({ match: 'exact' });
  expect(await warnings(responder.program)).toBe(0);
});

test('a key or rules that cannot be used are one sentence, before it is ready', async () => {
  const mocksFile = await stage.file('mocks.jsonl', '');
  const bad: [Record<string, string>, RegExp][] = [
    [{ ECHOPLANE_REDACTION_KEY_FILE: await stage.file('short.key', 'c2hvcnQ=') }, /holds|read by anybody/],
    [{ ECHOPLANE_REDACTION_KEY_FILE: `${stage.folder}/none.key` }, /cannot be read/],
    [
      {
        ECHOPLANE_REDACTION_KEY_FILE: await keyFile(KEY),
        ECHOPLANE_RULES_FILE: await stage.file('rules.json', '{"v":2}'),
      },
      /rules\.json is not a rules document/,
    ],
  ];
  for (const [env, sentence] of bad) {
    const { code, stderr } = await launch({ ...env, ECHOPLANE_MOCKS_FILE: mocksFile }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
  }
});

test('the rules of the recording decide what is redacted', async () => {
  const rules = await stage.file('rules.json', '{"v":1,"version":"r2","redaction":{"enabled":false}}');
  const plain = mock('POST', 'http://mail.test/send', { request: MAIL });
  const responder = await start([plain], {
    ECHOPLANE_REDACTION_KEY_FILE: await keyFile(KEY),
    ECHOPLANE_RULES_FILE: rules,
  });
  expect(await responder.post('http://mail.test/send', MAIL)).toMatchObject({ match: 'exact' });
});

function redactor(): Redactor {
  return new Redactor({ rules: defaultRules().redaction, version: 'v1', key: KEY });
}

function tokensOf(body: typeof MAIL): typeof MAIL {
  return JSON.parse(redactor().text(JSON.stringify(body), 'application/json')) as typeof MAIL;
}

/** The mock of a mail that was sent, as the analyzer makes it of a redacted recording. */
function redactedMock(body: typeof MAIL, url: string): Mock {
  const raw = mock('POST', url, { request: body });
  const { pathname, search } = new URL(url);
  const asked = redactRequest(redactor(), {
    ...{
      scheme: 'http',
      host: 'mail.test',
      method: 'POST',
      target: `${pathname}${search}`,
      headers: JSON_TYPE,
    },
    body: storeBody(Buffer.from(JSON.stringify(body)), '', { deferJson: true }),
  });
  const signature = signatureOf(asked);
  const { to, iban } = JSON.parse(bodyText(asked.body)!) as typeof MAIL;
  const answer = { accepted: to, account: iban, by: tokensOf({ ...MAIL, to: 'postmaster@mail.example' }).to };
  return {
    ...raw,
    ...{ signature, exact: signatureDigest(signature), loose: signatureDigest(signature) },
    response: { ...raw.response, body: storeBody(Buffer.from(JSON.stringify(answer)), '') },
  };
}

async function keyFile(key: Uint8Array): Promise<string> {
  const path = await stage.file('redaction.key', `${Buffer.from(key).toString('base64')}\n`);
  await chmod(path, 0o600);
  return path;
}

function launch(env: Record<string, string>): Program {
  return stage.start('responder', {
    ...authority,
    ...{ ECHOPLANE_LATENCY: 'none', ECHOPLANE_FORWARDER_PORT: String(receiver.port) },
    ...{ ECHOPLANE_CLUSTER: 'c', ECHOPLANE_NAMESPACE: 'n', ECHOPLANE_WORKLOAD: 'shop' },
    ...env,
  });
}

async function start(mocks: Mock[], env: Record<string, string>) {
  const file = await stage.file('mocks.jsonl', mocks.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const program = launch({ ECHOPLANE_MOCKS_FILE: file, ...env });
  const { port, adminPort } = (await program.event('ready')) as { port: number; adminPort: number };
  const ask = async (method: string, url: string, body?: unknown) => {
    const text = await exchange({ port, method, path: url }, body === undefined ? '' : JSON.stringify(body));
    return { ...text, body: JSON.parse(text.text) as Record<string, string> };
  };
  return {
    program,
    post: (url: string, body: unknown) => ask('POST', url, body),
    get: (url: string) => ask('GET', url),
    admin: async (path: string) => (await exchange({ port: adminPort, method: 'GET', path }, '')).text,
  };
}

interface Asked {
  port: number;
  method: string;
  /** A whole url for a proxy. */
  path: string;
}

function exchange(asked: Asked, body: string): Promise<{ status: number; match: string; text: string }> {
  const headers = {
    host: asked.path.startsWith('http') ? new URL(asked.path).host : 'localhost',
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    request({ ...asked, host: '127.0.0.1', agent: false, headers }, (response) => {
      const match = String(response.headers['x-echoplane-match']);
      response
        .toArray()
        .then(
          (parts) => resolve({ status: response.statusCode!, match, text: Buffer.concat(parts).toString() }),
          reject,
        );
    })
      .on('error', reject)
      .end(body);
  });
}

async function warnings({ child, ended }: Program): Promise<number> {
  child.kill('SIGTERM');
  return (await ended).stdout.split('name the key with ECHOPLANE_REDACTION_KEY_FILE').length - 1;
}
