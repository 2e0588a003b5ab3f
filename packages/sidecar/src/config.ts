// The sidecar's settings, `ECHOPLANE_…` in its environment. Parsed once, before any socket opens; what contradicts
// itself is said then too. Each field has a unit and a sentence, which the reference page repeats.
import { isIP } from 'node:net';
import { checkForwarderAddress, field, programFields, shippingFields } from '@echoplane/runtime';
import { z } from 'zod';
import { PROBE } from './probes.ts';

const port = (fallback: number, what: string) =>
  field.port().default(fallback).describe(`port of ${what}, 0 takes a free one`);
const name = (fallback: string, what: string) => field.text().default(fallback).describe(what);
const file = (what: string) => field.text().optional().describe(`path of ${what}`);
const flag = (what: string) => field.flag().default(false).describe(`true or false: ${what}`);
const list = (what: string) => field.list().default([]).describe(`comma separated: ${what}`);
const bytes = (fallback: number, max: number, what: string) =>
  field.integer(0, max).default(fallback).describe(`bytes, 0 to ${max}: ${what}`);
const ports = (what: string) =>
  field
    .list()
    .pipe(z.array(field.integer(1, 65_535)))
    .default([])
    .describe(`comma separated ports, 1 to 65535: ${what}`);
const ip = (fallback: string, what: string) =>
  field
    .text()
    .refine((value) => isIP(value) !== 0, 'not an IP address')
    .default(fallback)
    .describe(what);

const listeners = {
  mode: z
    .enum(['transparent', 'reverse', 'forward', 'dual'])
    .describe(
      'transparent (redirected connections), reverse (inbound), forward (proxy for outbound), or dual (both)',
    ),
  protocol: z
    .enum(['http', 'socks', 'tcp', 'tcp:http', 'tcp:socks'])
    .default('http')
    .describe(
      'reverse, forward, dual: what the app speaks to the outbound listener: http (proxy) or socks; tcp: inbound is not decoded',
    ),
  host: ip(
    '127.0.0.1',
    'IP address the inbound and admin listeners bind; the outbound ones are loopback only',
  ),
  inPort: port(4143, 'the inbound listener'),
  outPort: port(4140, 'the outbound listener'),
  adminPort: port(4145, 'health and metrics'),
  diagnosticsPort: port(4100, 'the diagnosis pages, /connections and /config, on loopback only'),
  ipv6: field
    .flag()
    .default(true)
    .describe(
      'true or false: transparent, DNS relay, HOST 0.0.0.0: listen on IPv6 too, where the machine has it',
    ),
  targetHost: name('127.0.0.1', 'reverse, dual: host of the app'),
  targetPort: field.integer(1, 65_535).optional().describe('reverse, dual: port of the app, 1 to 65535'),
  clientIp: z
    .enum(['none', 'proxy-protocol'])
    .default('none')
    .describe(
      'what the app learns of a client: none, or proxy-protocol (a PROXY v2 header before its bytes)',
    ),
};

const source = {
  ...shippingFields,
  pod: name('local', 'pod of the captured workload'),
  container: name('app', 'container of the captured workload'),
  tags: field.pairs().default({}).describe('name=value pairs put on each RRPair'),
  queueLimit: bytes(
    32 << 20,
    1 << 30,
    'RRPairs held for the forwarder; beyond it bodies go first, then RRPairs',
  ),
};

const tls = {
  tlsOut: flag('open outbound TLS with the CA of CA_CERT_FILE'),
  caCertFile: file('the PEM certificate of the CA that signs for outbound hosts'),
  caKeyFile: file('the PEM private key (ECDSA P-256) of that CA'),
  upstreamCaFiles: list('paths of PEM roots to trust for upstreams, beside the system roots'),
  tlsClientCertFile: file('the PEM client certificate for upstreams that want one'),
  tlsClientKeyFile: file('the PEM private key of that certificate'),
  tlsInCertFiles: list('paths of PEM certificate chains with which inbound TLS is terminated; SNI picks one'),
  tlsInKeyFiles: list('paths of their PEM private keys, in the same order'),
  tlsInClientCaFiles: list(
    'paths of PEM roots for clients of inbound TLS; with it a client certificate is asked for',
  ),
  tlsInClientAuth: z
    .enum(['request', 'require'])
    .default('require')
    .describe('inbound TLS with client roots: request a client certificate, or require it'),
  tlsInTarget: z
    .enum(['tls', 'plain'])
    .default('tls')
    .describe('what the app behind terminated inbound TLS speaks: tls, or plain'),
};

const capture = {
  opaquePorts: ports('destinations that are spliced and not decoded'),
  ignoreDstHosts: list(
    'destination host names that are spliced and not decoded; *.example.com covers those below',
  ),
  opaqueBytesPorts: ports('opaque destinations of which bytes are kept too, up to the body limit'),
  hostResolution: z
    .enum(['names', 'dns', 'ptr', 'none'])
    .default('names')
    .describe(
      'where the name of a server comes from: names (as the app used it), dns (the relay), ptr, or none',
    ),
  dnsPort: port(4153, 'the DNS relay (host resolution dns), on loopback only'),
  dnsServer: field
    .text()
    .optional()
    .describe('IP address[:port] the DNS relay asks; the first of /etc/resolv.conf without it'),
  bodyLimit: bytes(64 << 10, 4 << 20, 'kept of each body'),
  sample: field.number(0, 1).default(1).describe('share of sessions that are captured, 0 to 1'),
  probes: field
    .list()
    .pipe(z.array(z.string().regex(PROBE, 'not PORT/PATH')))
    .default([])
    .describe('comma separated: PORT/PATH of the probes of Kubernetes, which are withheld'),
  maxConnections: field
    .integer(1, 1_000_000)
    .default(10_000)
    .describe('connections captured at once; more are passed through unseen'),
  connectionLimit: bytes(8 << 20, 1 << 30, 'held by the capture of one connection'),
  captureLimit: bytes(64 << 20, 1 << 30, 'held by the capture of all connections'),
};

const replay = {
  mocks: list('destinations answered by the responder: host:port, host:*, or *'),
  responderHost: name('127.0.0.1', 'host of the responder'),
  responderPort: field.integer(1, 65_535).optional().describe('port of the responder, 1 to 65535'),
  isolate: flag('cut outbound connections to destinations that are not mocked, loopback excepted'),
};

const life = {
  drainDeadline: field
    .integer(0, 3_600)
    .default(5)
    .describe('seconds the last connections get after SIGTERM, 0 to 3600'),
  stateFolder: file(
    'a folder that outlives the process; with it an abnormal exit is followed by splice-only',
  ),
  diagnostics: flag('write a dump of the bytes and the TLS keys to DIAGNOSTICS_FOLDER'),
  diagnosticsFolder: name('/tmp/echoplane-diagnostics', 'the folder of the diagnostics dump'),
  diagnosticsLimit: bytes(64 << 20, 2 ** 32, 'size of that folder; the oldest file goes first'),
};

export const sidecarConfig = z
  .object({
    ...listeners,
    ...source,
    ...tls,
    ...capture,
    ...replay,
    ...life,
    ...programFields,
  })
  .superRefine(
    (config, context) => {
      const objection = (path: keyof typeof config, message: string) =>
        context.addIssue({ code: 'custom', path: [path], message });
      const need = (path: keyof typeof config) => {
        if (config[path] === undefined) objection(path, 'missing');
      };
      const together = (a: keyof typeof config, b: keyof typeof config) => {
        if ((config[a] === undefined) !== (config[b] === undefined)) need(config[a] === undefined ? a : b);
      };
      if (config.mode === 'reverse' || config.mode === 'dual') need('targetPort');
      if (config.mode === 'forward' && config.protocol === 'tcp')
        objection('protocol', 'tcp is a way in only; forward wants http, socks, tcp:http or tcp:socks');
      if (config.mocks.length > 0) need('responderPort');
      together('tlsClientCertFile', 'tlsClientKeyFile');
      checkForwarderAddress(config, context);
      if (config.tlsInCertFiles.length !== config.tlsInKeyFiles.length)
        objection('tlsInKeyFiles', 'as many keys as certificates');
      together('caCertFile', 'caKeyFile');
    },
    // Also beside fields that are not valid: all problems are reported at once.
    { when: () => true },
  );

export type SidecarConfig = Readonly<z.output<typeof sidecarConfig>>;
