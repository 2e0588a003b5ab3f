// Transparent capture from the first byte to the segment, in real network namespaces with real clients: TLS opened with the
// roots that `sidecar init` wrote, the capture stream over mutual TLS to a real forwarder; and after `cleanup` not a rule
// is left, nor changed.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RRPair } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { flush, PATIENCE } from './data-path-stage.ts';
import { OUTSIDE, POD, PORTS, SERVER_NAME, TransparentStage } from './stages/transparent-stage.ts';

const GRPC_CLIENT = fileURLToPath(new URL('./stages/grpc-client.ts', import.meta.url));

let stage: TransparentStage;

beforeEach(async () => {
  stage = await TransparentStage.open();
});
afterEach(() => stage.close());

/** All rules, as each tool writes them down; the comments of iptables hold the time of day. */
async function rules(): Promise<string[]> {
  const saved = async (command: string) => (await stage.asRoot(command)).replace(/^#.*\n/gm, '');
  return [
    await stage.asRoot('nft', 'list', 'ruleset'),
    await saved('iptables-save'),
    await saved('ip6tables-save'),
  ];
}

/** Rules of somebody else, in tables of their own and in those that everybody shares. */
async function foreignRules(): Promise<void> {
  const table = 'table inet theirs { chain c { type filter hook input priority 0; tcp dport 9 drop; }; }';
  await stage.asRoot('nft', table);
  for (const command of ['iptables', 'ip6tables']) {
    await stage.asRoot(command, '-t', 'nat', '-N', 'THEIRS');
    await stage.asRoot(command, '-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '--dport', '9', '-j', 'THEIRS');
  }
}

/** What the app and its client do; what they are told. */
async function talk(): Promise<void> {
  const env = { SSL_CERT_FILE: stage.bundle };
  const answered = (path: string, from: string) => ({
    code: 0,
    stderr: '',
    stdout: JSON.stringify({ path, from }),
  });
  const curl = (...args: string[]) => stage.app(env, 'curl', '-sS', ...args);
  expect(await curl(`http://${OUTSIDE[4]}/v4`)).toMatchObject(answered('/v4', `::ffff:${POD[4]}`));
  expect(await curl(`http://[${OUTSIDE[6]}]/v6`)).toMatchObject(answered('/v6', POD[6]));
  const resolve = `${SERVER_NAME}:443:${OUTSIDE[4]}`;
  const secure = await curl('--http1.1', '--resolve', resolve, `https://${SERVER_NAME}/tls`);
  expect(secure).toMatchObject(answered('/tls', `::ffff:${POD[4]}`));

  const rows = await stage.psql('select n, n * n from generate_series(1, 1000) n');
  expect(rows).toMatchObject({ code: 0, stderr: '' });
  expect(rows.stdout.trimEnd().split('\n').at(-1)).toBe('1000|1000000');

  const target = `ipv4:${OUTSIDE[4]}:${PORTS.grpc}`;
  const calls = await stage.app({}, process.execPath, GRPC_CLIENT, target, SERVER_NAME, stage.bundle);
  expect(calls).toMatchObject({ code: 0, stderr: '' });
  expect(calls.lines).toEqual([['re: a', '6', '0 1 2', 're: x re: y', 'NOT_FOUND no such order']]);

  const inbound = await stage.outside('curl', '-sS', `http://${POD[4]}:${PORTS.app}/in`);
  expect(inbound).toMatchObject(answered('/in', `::ffff:${POD[4]}`));
}

/** A stored pair as far as the test looks. */
function seen({ direction, protocol, client, server, tls, request, response, opaque, error, gaps }: RRPair) {
  // A call that fails at once has its trailers in the place of headers.
  const fields = new Map([...(response?.headers ?? []), ...(response?.trailers ?? [])]);
  return {
    ...{ direction, protocol, client: client.ip, server, sni: tls?.sni, error, gaps, opaque },
    asked: request ? `${request.method} ${request.url}` : null,
    status: response?.status,
    grpcStatus: fields.get('grpc-status'),
    sizes: [request?.body.size, response?.body.size],
  };
}

const outbound = (port: number, more: object) => ({
  ...{ direction: 'OUT', client: POD[4], server: { ip: OUTSIDE[4], port, host: null }, error: null },
  ...more,
});
const inTls = (port: number) => ({
  server: { ip: OUTSIDE[4], port, host: SERVER_NAME },
  sni: SERVER_NAME,
});
const http = (port: number, url: string, more: object = {}) =>
  outbound(port, { protocol: 'http/1.1', asked: `GET ${url}`, status: 200, ...more });
const grpc = (method: string, grpcStatus: string, sizes: [number, number]) => ({
  ...outbound(PORTS.grpc, { protocol: 'grpc', status: 200, grpcStatus, sizes, ...inTls(PORTS.grpc) }),
  asked: `POST https://${SERVER_NAME}/shop.Orders/${method}`,
});

/** What must be stored of `talk`, in its order; `postgres`: what its connection carried. */
const stored = (postgres: { sentBytes: number; receivedBytes: number }) => [
  http(80, `http://${OUTSIDE[4]}/v4`),
  http(80, `http://[${OUTSIDE[6]}]/v6`, {
    client: POD[6],
    server: { ip: OUTSIDE[6], port: 80, host: null },
  }),
  http(443, `https://${SERVER_NAME}/tls`, inTls(443)),
  outbound(PORTS.postgres, {
    ...{ protocol: 'opaque', asked: null, status: undefined, opaque: postgres },
    gaps: { reason: 'unknown-protocol' },
  }),
  // A message is five bytes longer than its text.
  grpc('Unary', '0', [6, 10]),
  grpc('Upload', '0', [16, 6]),
  grpc('Watch', '0', [5, 18]),
  grpc('Chat', '0', [12, 20]),
  grpc('Unary', '5', [9, 0]),
  http(PORTS.app, `http://${POD[4]}:${PORTS.app}/in`, {
    ...{ direction: 'IN', client: OUTSIDE[4] },
    server: { ip: POD[4], port: PORTS.app, host: null },
  }),
];

test.each(['nft', 'iptables'])(
  'curl, psql and gRPC reach the segment, TLS included, and cleanup leaves all rules byte for byte: %s',
  async (BACKEND) => {
    await foreignRules();
    const before = await rules();
    expect(await stage.prepare('init', { BACKEND })).toMatchObject({ code: 0, stderr: '' });
    expect(await rules()).not.toEqual(before);
    const sidecar = await stage.sidecar();
    await talk();
    await expect.poll(() => stage.delivered(), PATIENCE).toBe(10);

    sidecar.child.kill('SIGTERM');
    expect(await sidecar.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await stage.prepare('cleanup')).toMatchObject({ code: 0, stderr: '' });
    expect(await rules()).toEqual(before);
    expect(existsSync(stage.bundle)).toBe(false);

    await flush(stage.forwarder);
    const pairs = await stage.stored();
    const [postgres] = stage.passed.filter(({ port }) => port === PORTS.postgres);
    const { sentBytes, receivedBytes } = postgres!;
    expect(pairs.map(seen)).toMatchObject(stored({ sentBytes, receivedBytes }));
    const counters = { captured: 10, delivered: 10, withheld: {}, dropped: {} };
    await expect
      .poll(() => stage.client.call('accounting', {}), PATIENCE)
      .toMatchObject({
        ...{ balanced: true, indexed: 10 },
        hops: [
          { hop: 'forwarder', counters },
          { hop: 'sidecar', counters },
        ],
      });
  },
);
