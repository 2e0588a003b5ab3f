// The sidecar's settings, `ECHOPLANE_…` in its environment. Parsed once, before any socket opens.
import { isIP } from 'node:net';
import { field, programFields } from '@echoplane/runtime';
import { z } from 'zod';

const port = (fallback: number, what: string) =>
  field.port().default(fallback).describe(`port of ${what}, 0 takes a free one`);
const name = (fallback: string, what: string) => field.text().default(fallback).describe(what);
const file = (what: string) => field.text().optional().describe(`path of ${what}`);
const flag = (what: string) => field.flag().default(false).describe(`true or false: ${what}`);

export const sidecarConfig = z
  .object({
    mode: z
      .enum(['reverse', 'forward', 'dual'])
      .describe('reverse (inbound), forward (HTTP proxy for outbound), or dual (both)'),
    host: field
      .text()
      .refine((value) => isIP(value) !== 0, 'not an IP address')
      .default('127.0.0.1')
      .describe('IP address the inbound and admin listeners bind; the outbound one is always on 127.0.0.1'),
    inPort: port(4143, 'the inbound listener'),
    outPort: port(4140, 'the outbound listener'),
    adminPort: port(4145, 'health, metrics and /connections'),
    targetHost: name('127.0.0.1', 'reverse, dual: host of the app'),
    targetPort: field.integer(1, 65_535).optional().describe('reverse, dual: port of the app, 1 to 65535'),
    forwarderHost: name('127.0.0.1', 'host of the forwarder'),
    forwarderPort: field.integer(1, 65_535).default(4150).describe('port of the forwarder, 1 to 65535'),
    cluster: name('local', 'cluster of the captured workload'),
    namespace: name('default', 'namespace of the captured workload'),
    workload: field.text().describe('name of the captured workload'),
    workloadKind: name('Process', 'kind of the captured workload'),
    pod: name('local', 'pod of the captured workload'),
    container: name('app', 'container of the captured workload'),
    tlsOut: flag('open outbound TLS with the CA of CA_CERT_FILE'),
    caCertFile: file('the PEM certificate of the CA that signs for outbound hosts'),
    caKeyFile: file('the PEM private key (PKCS #8, P-256) of that CA'),
    upstreamCaFiles: field
      .list()
      .default([])
      .describe('comma separated paths of PEM roots to trust for upstreams, beside the system roots'),
    bodyLimit: field
      .integer(0, 4 << 20)
      .default(64 << 10)
      .describe('bytes kept of each body, 0 to 4194304'),
    maxConnections: field
      .integer(1, 1_000_000)
      .default(10_000)
      .describe('connections captured at once; more are passed through unseen'),
    tags: field.pairs().default({}).describe('name=value pairs put on each RRPair'),
    ...programFields,
  })
  .superRefine((config, context) => {
    const need = (path: 'targetPort' | 'caCertFile' | 'caKeyFile') => {
      if (config[path] === undefined) context.addIssue({ code: 'custom', path: [path], message: 'missing' });
    };
    if (config.mode !== 'forward') need('targetPort');
    if (!config.tlsOut || config.mode === 'reverse') return;
    need('caCertFile');
    need('caKeyFile');
  });

export type SidecarConfig = Readonly<z.output<typeof sidecarConfig>>;
