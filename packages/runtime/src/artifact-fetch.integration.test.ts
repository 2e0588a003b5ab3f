import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ArtifactConfig, type FetchContext, fetchArtifacts } from './artifact-fetch.ts';
import { createAuthority, loadAuthority } from './certificates.ts';
import { type Clock, systemClock } from './clock.ts';
import { createLogger } from './log.ts';

const DEADLINE_MS = 10_000;

let folder: string;
const servers: Server[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'echoplane-test-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  await rm(folder, { recursive: true, force: true });
});

test('artifacts come over TLS of the given roots, with the token as its file has it, and lie there whole', async () => {
  const seen: unknown[] = [];
  const big = Buffer.alloc(3 << 20, 'line\n');
  const config = await serve((request, response) => {
    seen.push([request.url, request.headers.authorization]);
    response.end(request.url === '/a/mocks.jsonl' ? big : '{}');
  });
  const paths = await fetchAll(config, ['mocks.jsonl', 'tokens.json']);
  expect(await readFile(paths.get('mocks.jsonl')!)).toEqual(big);
  expect(await readFile(paths.get('tokens.json')!, 'utf8')).toBe('{}');
  expect((await readdir(config.artifactsFolder!)).sort()).toEqual(['mocks.jsonl', 'tokens.json']);
  expect(seen).toEqual([
    ['/a/mocks.jsonl', 'Bearer the-token'],
    ['/a/tokens.json', 'Bearer the-token'],
  ]);
});

test('an answer that breaks off, one of the server’s trouble and one too short are asked for again', async () => {
  let asked = 0;
  const config = await serve((_, response) => {
    asked++;
    if (asked === 1) response.writeHead(503).end('not yet');
    else if (asked === 2) {
      response.writeHead(200, { 'content-length': 10 }).write('123');
      setImmediate(() => response.destroy());
    } else response.end('1234567890');
  });
  const paths = await fetchAll(config, ['tests.jsonl']);
  expect(await readFile(paths.get('tests.jsonl')!, 'utf8')).toBe('1234567890');
  expect(asked).toBe(3);
});

test('what does not exist is an answer where it is optional, and elsewhere asked for until the deadline', async () => {
  const config = await serve((_, response) => response.writeHead(404).end('no such artifact'));
  expect(await fetchAll(config, [], ['rules.json'])).toEqual(new Map());
  // The deadline passes in the pauses alone, and the last attempt has seconds left: each one has its answer.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  let nowUs = 0;
  const clock: Clock = {
    nowUs: () => nowUs,
    async sleep(ms) {
      nowUs += ms * 1_000;
    },
  };
  const asked = fetchAll({ ...config, artifactsDeadlineMs: 11_000 }, ['tests.jsonl'], [], { clock });
  await expect(asked).rejects.toThrow(
    /^The artifact tests\.jsonl cannot be fetched from https:.*: the answer is 404: no such artifact\. Is the operator up/,
  );
  expect(nowUs).toBeGreaterThan(5_000_000);
  expect(await readdir(config.artifactsFolder!)).toEqual([]);
});

test('an artifact larger than the limit is refused at once, whether its length was declared or not', async () => {
  let asked = 0;
  const config = await serve((request, response) => {
    asked++;
    if (request.url === '/a/declared') response.setHeader('content-length', 101);
    response.write('x'.repeat(51));
    response.end('x'.repeat(50));
  });
  for (const name of ['declared', 'endless']) {
    asked = 0;
    await expect(fetchAll({ ...config, artifactsLimitBytes: 100 }, [name])).rejects.toThrow(
      'ECHOPLANE_ARTIFACTS_LIMIT_BYTES allows 100',
    );
    expect(asked).toBe(1);
  }
  expect(await readdir(config.artifactsFolder!)).toEqual([]);
});

test('a redirect to a store is followed, and the token stays behind', async () => {
  let shown: string | undefined = 'nothing asked';
  const store = createPlainServer((request, response) => {
    shown = request.headers.authorization;
    response.end('from the store');
  });
  const storePort = await listening(store);
  const config = await serve((_, response) =>
    response.writeHead(307, { location: `http://127.0.0.1:${storePort}/signed?x=1` }).end(),
  );
  const paths = await fetchAll(config, ['tests.jsonl']);
  expect(await readFile(paths.get('tests.jsonl')!, 'utf8')).toBe('from the store');
  expect(shown).toBeUndefined();
});

test('a server with another certificate gets no token, and a token is not sent in plain text', async () => {
  let asked = 0;
  const config = await serve((_, response) => {
    asked++;
    response.end();
  });
  const stranger = await createAuthority({ commonName: 'Stranger', days: 1 });
  await writeFile(config.podCaFile!, stranger.certPem);
  const hurried = { ...config, artifactsDeadlineMs: 300 };
  await expect(fetchAll(hurried, ['tests.jsonl'])).rejects.toThrow('cannot be fetched');
  expect(asked).toBe(0);
  const plain = { ...hurried, artifactsUrl: 'http://operator.example:9444/a' };
  await expect(fetchAll(plain, ['tests.jsonl'])).rejects.toThrow(
    'not sent to operator.example:9444 in plain text',
  );
});

test('an abort ends the wait', async () => {
  const config = await serve(() => {});
  const controller = new AbortController();
  const fetched = fetchAll(config, ['tests.jsonl'], [], { signal: controller.signal });
  controller.abort();
  await expect(fetched).rejects.toThrow('cannot be fetched');
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<ArtifactConfig> {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  const leaf = await (await loadAuthority(certPem, keyPem)).leaf('localhost');
  const port = await listening(createServer({ cert: leaf.certPem, key: leaf.keyPem }, answer));
  const [podTokenFile, podCaFile] = [join(folder, 'token'), join(folder, 'ca.crt')];
  await writeFile(podTokenFile, 'the-token\n');
  await writeFile(podCaFile, certPem);
  return {
    ...{ artifactsUrl: `https://localhost:${port}/a`, artifactsFolder: join(folder, 'artifacts') },
    ...{ artifactsLimitBytes: 1 << 30, artifactsDeadlineMs: DEADLINE_MS, podTokenFile, podCaFile },
  };
}

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function fetchAll(
  config: ArtifactConfig,
  names: string[],
  optional: string[] = [],
  context: Partial<FetchContext> = {},
) {
  const wanted = [...names.map((name) => ({ name })), ...optional.map((name) => ({ name, optional: true }))];
  return fetchArtifacts(config, wanted, {
    clock: systemClock(),
    log: createLogger('test', 'silent'),
    signal: new AbortController().signal,
    ...context,
  });
}
