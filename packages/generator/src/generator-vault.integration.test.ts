import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { leafAt } from '@echoplane/replay';
import { defaultRules, Redactor } from '@echoplane/rules';
import { VaultWriter } from '@echoplane/runtime';
import {
  bodyText,
  GeneratorRun,
  type HeaderList,
  type RRPair,
  splitUrl,
  storeBody,
  type Test,
  type Token,
} from '@echoplane/traffic';
import { parseHead } from '@echoplane/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProgramStage, type Receiver } from '../../../test/program-stage.ts';

const [EMAIL, PASSWORD] = ['ann@shop.example', 'corr"ect&horse'];
const API_KEY = 'k-0192837465-not-a-word';
const jwtOf = (id: string) =>
  `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(`{"sub":"${id}","email":"${EMAIL}"}`).toString('base64url')}.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4`;
const JSON_TYPE: HeaderList = [['Content-Type', 'application/json']];

let stage: ProgramStage;
let receiver: Receiver;
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
});
afterEach(() => stage.close());

test('a redacted recording logs in where only the real password does, with a session that is followed', async () => {
  const port = await accountService();
  const { tests, tokens, vaultDir } = await recording();
  expect(JSON.stringify([tests, tokens])).not.toMatch(/ann@shop|horse|c2lnbmF0dXJl|k-0192837465/);
  const run = await replay(port, tests, tokens, { ECHOPLANE_VAULT_DIR: vaultDir });
  expect(receiver.pairs.map(statusOf)).toEqual([200, 200, 200]);
  expect(run.credentials).toEqual({
    fromVault: { 'body.email': 1, 'body.password': 1, 'header.authorization': expect.any(Number) },
    missing: {},
  });
});

test('without the vault the service refuses, and the run names what is missing', async () => {
  const port = await accountService();
  const { tests, tokens } = await recording();
  const run = await replay(port, tests, tokens, {});
  expect(receiver.pairs.map(statusOf)).toEqual([401, 401, 401]);
  expect(run.credentials).toEqual({
    fromVault: {},
    missing: { 'body.password': 1, 'header.authorization': 2 },
  });
});

test('a vault that cannot be opened is one sentence before anything is sent, without a value', async () => {
  const port = await accountService();
  const { tests, tokens, vaultDir } = await recording();
  const env = { ECHOPLANE_VAULT_DIR: vaultDir, ECHOPLANE_VAULT_KEY_FILE: join(vaultDir, 'vault.pub') };
  const { code, stderr } = await (await start(port, tests, tokens, env)).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/vault\.pub is not the private key of the vault/);
  expect(receiver.pairs).toEqual([]);
});

test('no value of the vault is printed', async () => {
  const port = await accountService();
  const { tests, tokens, vaultDir } = await recording();
  const { stdout, stderr } = await (await start(port, tests, tokens, { ECHOPLANE_VAULT_DIR: vaultDir }))
    .ended;
  expect(`${stdout}${stderr}`).not.toMatch(/ann@shop|horse|k-0192837465/);
});

/** One account: it logs in with its real password, and is read with the session that the login gave, or by Basic. */
function accountService(): Promise<number> {
  let sessions = 0;
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/login') {
      const { email, password } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      const isRight = email === EMAIL && password === PASSWORD;
      return isRight ? answer(200, { token: jwtOf(`live-${++sessions}`) }) : answer(401, {});
    }
    return isKnown(request, sessions) ? answer(200, { email: EMAIL }) : answer(401, {});
  });
  return stage.serve(server);
}

function isKnown({ headers: { authorization } }: IncomingMessage, sessions: number): boolean {
  if (authorization === basic()) return true;
  return sessions > 0 && authorization === `Bearer ${jwtOf(`live-${sessions}`)}`;
}

const basic = () => `Basic ${Buffer.from(`${EMAIL}:${API_KEY}`).toString('base64')}`;

/** A login, a look at the profile with its token, and one by Basic: redacted, with the vault that the forwarder writes. */
async function recording(): Promise<{ tests: Test[]; tokens: Token[]; vaultDir: string }> {
  const vaultDir = join(stage.folder, 'vault');
  const vault = await VaultWriter.open(vaultDir);
  const redactor = new Redactor({
    ...{ rules: defaultRules().redaction, version: 'v1', key: new Uint8Array(32).fill(7) },
    sealed: (credential) => vault.put(credential),
  });
  const recorded = jwtOf('recorded');
  const pairs = [
    pairOf(1, 'POST /login', JSON_TYPE, { email: EMAIL, password: PASSWORD }, { token: recorded }),
    pairOf(2, 'GET /me', [['Authorization', `Bearer ${recorded}`]], null, { email: EMAIL }),
    pairOf(3, 'GET /me', [['Authorization', basic()]], null, { email: EMAIL }),
  ];
  for (const pair of pairs) redactor.pair(pair);
  await vault.flush();
  const value = leafAt(pairs[0]!.response!, 'body.token')!;
  expect(bodyText(pairs[0]!.request!.body)).toContain('rdx_');
  const tests = pairs.map((pair, order) => testOf(pair, order));
  tests[0]!.produces = [{ token: 't1', path: 'body.token' }];
  tests[1]!.consumes = ['t1'];
  const producer = { test: tests[0]!.id, path: 'body.token' };
  const token = {
    id: 't1',
    kind: 'jwt' as const,
    session: 's',
    value,
    producer,
    consumers: [],
    evidence: '',
  };
  return { tests, tokens: [{ ...token, enabled: true }], vaultDir };
}

function pairOf(n: number, line: string, headers: HeaderList, asked: unknown, answered: unknown): RRPair {
  const [method, path] = line.split(' ') as [string, string];
  const body = (value: unknown) =>
    storeBody(Buffer.from(value === null ? '' : JSON.stringify(value)), '', { deferJson: true });
  const nobody = { ip: '', port: 0, host: null };
  return {
    ...{
      v: 1,
      id: `019c0000-0000-7000-8000-00000000000${n}`,
      ts: n,
      durationUs: 1,
      ttfbUs: 1,
      direction: 'IN',
    },
    ...{ protocol: 'http/1.1', client: nobody, server: nobody, tls: null, connection: { id: 'k', seq: n } },
    source: { cluster: 'c', namespace: 'n', workload: { kind: '', name: 'shop' }, pod: '', container: '' },
    ...{ session: null, error: null, tags: {}, redactions: [] },
    request: { method, url: `http://shop${path}`, headers, body: body(asked) },
    response: { status: 200, headers: JSON_TYPE, body: body(answered) },
  };
}

function testOf({ id, request, response }: RRPair, order: number): Test {
  const { method, url, headers, body } = request!;
  return {
    ...{ id, session: 's', order, offsetUs: order, endpoint: '/', headless: false, durationUs: 1 },
    request: { method, target: splitUrl(url).path, headers, body },
    ...{ response: response!, consumes: [], produces: [], volatile: [] },
  };
}

async function start(port: number, tests: Test[], tokens: Token[], env: Record<string, string>) {
  return stage.start('generator', {
    ECHOPLANE_TARGET_URL: `http://127.0.0.1:${port}`,
    ECHOPLANE_TESTS_FILE: await stage.file(
      'tests.jsonl',
      tests.map((line) => `${JSON.stringify(line)}\n`).join(''),
    ),
    ECHOPLANE_TOKENS_FILE: await stage.file('tokens.json', JSON.stringify(tokens)),
    ECHOPLANE_REPLAY_ID: '019c0000-0000-7000-8000-00000000000f',
    ECHOPLANE_FORWARDER_PORT: String(receiver.port),
    ...{ ECHOPLANE_CLUSTER: 'c', ECHOPLANE_NAMESPACE: 'n', ECHOPLANE_WORKLOAD: 'shop' },
    ...env,
  });
}

async function replay(
  port: number,
  tests: Test[],
  tokens: Token[],
  env: Record<string, string>,
): Promise<GeneratorRun> {
  const { lines, stderr } = await (await start(port, tests, tokens, env)).ended;
  expect(stderr).toBe('');
  return GeneratorRun.parse(lines.at(-1)!.run);
}

function statusOf(pair: Receiver['pairs'][number]): number | null {
  const head = pair.response && parseHead(Buffer.from(pair.response.head));
  return head?.kind === 'response' ? head.status : null;
}
