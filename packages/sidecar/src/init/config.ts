// The settings of `sidecar init` and `sidecar cleanup`, `ECHOPLANE_…` in their environment. Where a name is one of the
// sidecar's own settings it means the same, so that one environment serves both containers.
import { isIP } from 'node:net';
import { field, programFields } from '@echoplane/runtime';
import { z } from 'zod';

const MAX_ITEMS = 256;
const MAX_ID = 0xffff_fffe;

const port = (fallback: number, what: string) =>
  field.integer(1, 65_535).default(fallback).describe(`port of ${what}, 1 to 65535`);
const id = (what: string) => field.integer(1, MAX_ID).default(4140).describe(what);
const file = (what: string) => field.text().optional().describe(`path of ${what}`);
const flag = (fallback: boolean, what: string) =>
  field.flag().default(fallback).describe(`true or false: ${what}`);
const ports = (what: string) =>
  field
    .list()
    .pipe(z.array(field.integer(1, 65_535)).max(MAX_ITEMS))
    .default([])
    .describe(`comma separated ports, 1 to 65535: ${what}`);
const cidrs = (what: string) =>
  field
    .list()
    .pipe(z.array(z.string().refine(isCidr, 'not an IP address or CIDR')).max(MAX_ITEMS))
    .default([])
    .describe(`comma separated IP addresses or CIDRs: ${what}`);

/** What the trust files are made of. No value of these is refused, so they can be read when another setting is bad. */
export const trustConfig = z.object({
  caCertFile: file('the PEM certificate of the CA that signs for outbound hosts'),
  upstreamCaFiles: field.list().default([]).describe('paths of further PEM roots for the app to trust'),
  systemBundleFile: file('the PEM roots of the system, when they are at no usual place'),
  trustFolder: file('the folder for ca-bundle.pem and truststore.jks; without it none are written'),
});

export const initConfig = z.object({
  mode: z
    .enum(['transparent', 'reverse', 'forward', 'dual'])
    .default('transparent')
    .describe('mode of the sidecar; rules are written for transparent only'),
  inPort: port(4143, 'the inbound listener'),
  outPort: port(4140, 'the outbound listener'),
  adminPort: port(4145, 'health and metrics, which is never redirected'),
  diagnosticsPort: port(4100, 'the diagnosis pages, which are never redirected'),
  dnsPort: port(4153, 'the DNS relay'),
  proxyUid: id('user id of the sidecar, exempt from outbound redirection'),
  proxyGid: id('group id of the sidecar, exempt from outbound redirection'),
  ignoreInboundPorts: ports('inbound connections to these bypass the sidecar'),
  ignoreOutboundPorts: ports('outbound connections to these bypass the sidecar'),
  ignoreSrcCidrs: cidrs('inbound connections from these bypass the sidecar'),
  ignoreDstCidrs: cidrs('outbound connections to these bypass the sidecar'),
  hostIp: cidrs('addresses of the node (status.hostIPs)'),
  captureNodeTraffic: flag(false, 'redirect connections that come from HOST_IP too'),
  captureLoopback: flag(false, 'redirect connections within the pod, over loopback, as outbound ones'),
  hostResolution: z
    .enum(['names', 'dns', 'ptr', 'none'])
    .default('names')
    .describe('dns: queries to the name server go through the DNS relay; the others need no rule'),
  dnsServer: field
    .text()
    .optional()
    .describe('IP address[:port] the DNS relay asks, when it is not the first of /etc/resolv.conf'),
  ipv6: flag(true, 'redirect IPv6 too, where the machine can'),
  backend: z
    .enum(['auto', 'nft', 'iptables', 'iptables-legacy'])
    .default('auto')
    .describe('what writes the rules: the first that works of nft, iptables and iptables-legacy, or one'),
  ...trustConfig.shape,
  ...programFields,
});

export type InitConfig = Readonly<z.output<typeof initConfig>>;

function isCidr(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
