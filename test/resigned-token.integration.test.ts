// A service that takes only tokens it could have signed, recorded with one that has expired since: what the analyzer recommends,
// applied by an edit, makes the replay pass with the key; without it the report names the secret.
import { createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { analyze } from '@echoplane/analyzer';
import { type RRPair, storeBody } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GeneratorStage } from '../packages/generator/src/generator-stage.ts';

const KEY = 'the key of the shop, long enough';
const HOUR_S = 3_600;

let stage: GeneratorStage;
beforeEach(async () => {
  stage = await GeneratorStage.open();
});
afterEach(() => stage.close());

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signed = (input: string) => `${input}.${createHmac('sha256', KEY).update(input).digest('base64url')}`;
const tokenOf = (issuedS: number) =>
  signed(
    `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'shop', sub: 'ann', iat: issuedS, exp: issuedS + HOUR_S })}`,
  );

/** Whether the service takes it now. */
function isGood(authorization: string): boolean {
  const token = authorization.replace(/^Bearer /, '');
  const [head, claims] = token.split('.');
  if (token !== signed(`${head}.${claims}`)) return false;
  const { exp } = JSON.parse(Buffer.from(claims!, 'base64url').toString()) as { exp: number };
  return exp > Date.now() / 1000;
}

const serve = () =>
  stage.programs.serve(
    createServer((request, response) => {
      const status = isGood(request.headers.authorization ?? '') ? 200 : 401;
      const text = JSON.stringify(status === 200 ? { cart: 3 } : { error: 'unauthorized' });
      response
        .writeHead(status, { 'content-type': 'application/json', 'content-length': text.length })
        .end(text);
    }),
  );

/** A day ago, with a token that was good then. */
function recording(): RRPair[] {
  const startS = Math.floor(Date.now() / 1000) - 24 * HOUR_S;
  const authorization = `Bearer ${tokenOf(startS - 60)}`;
  const body = storeBody(Buffer.from('{"cart":3}'), '');
  const address = { ip: '127.0.0.1', port: 80, host: 'shop.localhost' };
  return [0, 1, 2].map((n) => ({
    ...{
      v: 1 as const,
      id: `019c0000-0000-7000-8000-0000000001${n}0`,
      direction: 'IN',
      protocol: 'http/1.1',
    },
    ...{ ts: (startS + n) * 1_000_000, durationUs: 2_000, ttfbUs: 1_000 },
    source: {
      cluster: 'c',
      namespace: 'n',
      workload: { kind: 'Deployment', name: 'shop' },
      pod: '',
      container: '',
    },
    ...{ client: address, server: address, tls: null, connection: { id: 'c1', seq: n }, session: null },
    request: {
      ...{ method: 'GET', url: 'http://shop.localhost/cart', version: '1.1' },
      headers: [
        ['Host', 'shop.localhost'],
        ['Authorization', authorization],
      ],
      body: storeBody(Buffer.alloc(0), ''),
    },
    response: {
      ...{ status: 200, reason: 'OK', body },
      headers: [
        ['content-type', 'application/json'],
        ['content-length', '10'],
      ],
    },
    ...{ error: null, tags: {}, redactions: [] },
  })) as RRPair[];
}

test('a recorded token that has expired is signed again with the secret, and without it the run names the secret', async () => {
  const port = await serve();
  const pairs = recording();
  const { recommendations } = analyze(pairs).recommendations;
  const resign = recommendations.find(({ kind }) => kind === 'jwt-resign')!;
  const edits = { v: 1 as const, recommendations: { [resign.id]: 'applied' as const } };
  const { tests, tokens, transforms } = analyze(pairs, edits);
  const [secret] = resign.needs.filter(({ kind }) => kind === 'secret');
  const folder = `${stage.programs.folder}/secrets`;
  const file = await stage.programs.file('transforms.json', JSON.stringify(transforms));
  const env = { ECHOPLANE_TRANSFORMS_FILE: file, ECHOPLANE_SECRETS_DIR: folder };
  const refused = await stage.replay(port, tests, { tokens, env });
  expect(refused).toMatchObject({ missingSecrets: [secret!.name], asserted: { passed: 0, failed: 3 } });
  await mkdir(`${folder}/${secret!.name.split('/')[0]}`, { recursive: true });
  await writeFile(`${folder}/${secret!.name}`, KEY);
  const run = await stage.replay(port, tests, { tokens, env });
  expect(run).toMatchObject({ asserted: { passed: 3, failed: 0 } });
  expect(run.missingSecrets).toBeUndefined();
});
