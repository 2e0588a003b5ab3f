// The settings on a workload or its pod template, `sidecar.echoplane.dev/NAME`, as one schema keyed by NAME: text in,
// typed values out. An issue's message is what would have been allowed. It must not know where a setting ends up.
import { z } from 'zod';
import { PORTS } from './names.ts';

const MAX_ITEMS = 256;
const MAX_BODY_BYTES = 4 << 20;
const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 1 << 10, Mi: 1 << 20, k: 1_000, M: 1_000_000 };
const FLAG = 'true or false';
const QUANTITY = /^\d{1,15}(\.\d{1,9})?(m|k|[MGT]i?|Ki)?$/;
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const HOST = /^(\*\.)?[a-zA-Z0-9_]([-a-zA-Z0-9._]{0,251}[a-zA-Z0-9_])?\.?$|^[\da-fA-F:.]{2,45}$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const IPV6 = z.ipv6();

const flag = () =>
  z
    .enum(['true', 'false'], { error: FLAG })
    .default('false')
    .transform((text) => text === 'true');
const choice = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: values.join(', ').replace(/, ([^,]+)$/, ' or $1') }).default(values[0]);
const checked = (isAllowed: (text: string) => boolean, allowed: string) =>
  z.string().refine((text) => isAllowed(text), allowed);
const matching = (pattern: RegExp, allowed: string) => checked((text) => pattern.test(text), allowed);
const port = (fallback: number) =>
  checked((text) => isPort(text) && Number(text) > 1_023, 'a port from 1024 to 65535')
    .default(String(fallback))
    .transform(Number);
const list = (isItem: (item: string) => boolean, allowed: string) =>
  checked((text) => {
    const items = itemsOf(text);
    return items.length <= MAX_ITEMS && items.every(isItem);
  }, `${allowed}, separated by commas, at most ${MAX_ITEMS}`)
    .default('')
    .transform(itemsOf);
const portList = () =>
  list(isPort, 'ports from 1 to 65535').transform((items) => items.map((item) => Number(item)));
const quantity = (fallback: string, example: string) =>
  matching(QUANTITY, `a quantity such as ${example}`).default(fallback);
const secret = () => matching(NAME, 'the name of a Secret').optional();
const key = (fallback: string) => matching(KEY, 'a key of that Secret').default(fallback);

export const Settings = z.strictObject({
  inject: flag().describe('whether pods get the sidecar'),
  mode: choice('transparent', 'reverse', 'forward', 'dual').describe(
    'transparent: connections are redirected; reverse: inbound; forward: outbound by proxy; dual: both',
  ),
  protocol: choice('http', 'socks', 'tcp', 'tcp:http', 'tcp:socks').describe(
    'modes other than transparent: what the app speaks to the outbound proxy; tcp: inbound is not decoded',
  ),
  'in-port': port(PORTS.inbound).describe('port of the inbound listener'),
  'out-port': port(PORTS.outbound).describe('port of the outbound listener, on loopback'),
  'target-host': matching(HOST, 'a host name or an address')
    .default('localhost')
    .describe('reverse, dual: where the app listens'),
  'target-port': checked(isPort, 'a port from 1 to 65535')
    .transform(Number)
    .optional()
    .describe("reverse, dual: port of the app; the first container's first TCP port without it"),
  'tls-out': flag().describe('open outbound TLS; without it HTTPS dependencies are opaque'),
  'tls-in-secret': secret().describe('Secret with which inbound TLS is terminated'),
  'tls-in-key': key('tls.key').describe('its key with the private key'),
  'tls-in-cert': key('tls.crt').describe('its key with the certificate chain'),
  'tls-client-secret': secret().describe(
    'Secret (tls.crt, tls.key) with the client certificate for upstreams that want one',
  ),
  'tls-upstream-ca-configmap': matching(NAME, 'the name of a ConfigMap')
    .optional()
    .describe('ConfigMap (ca.crt) with further roots for upstreams'),
  'tls-trust': choice('env', 'java', 'mount').describe('how the CA reaches the app'),
  'ignore-inbound-ports': portList().describe('inbound connections to these ports bypass the sidecar'),
  'ignore-outbound-ports': portList().describe('outbound connections to these ports bypass the sidecar'),
  'ignore-src-cidrs': list(isCidr, 'addresses or CIDRs').describe(
    'inbound connections from these bypass the sidecar',
  ),
  'ignore-dst-cidrs': list(isCidr, 'addresses or CIDRs').describe(
    'outbound connections to these bypass the sidecar',
  ),
  'ignore-dst-hosts': list((item) => HOST.test(item), 'host names, *.example.com for those below').describe(
    'connections to these hosts are spliced, not decoded',
  ),
  'opaque-ports': portList().describe('connections to these ports are spliced, not decoded'),
  'capture-node-traffic': flag().describe('capture what comes from the node, too'),
  'capture-loopback': flag().describe('capture connections inside the pod, too'),
  'host-resolution': choice('names', 'dns', 'ptr', 'none').describe('where names of servers come from'),
  'body-limit': checked((text) => parseBytes(text) !== null, 'bytes, with Ki or Mi if wanted, from 0 to 4Mi')
    .default('64Ki')
    .transform((text) => parseBytes(text) ?? 0)
    .describe('bytes kept of each body'),
  sample: matching(/^(0(\.\d{1,9})?|1(\.0{1,9})?)$/, 'a share from 0 to 1, such as 0.25')
    .default('1')
    .transform(Number)
    .describe('share of sessions that are captured'),
  'cpu-request': quantity('10m', '10m').describe('CPU request of the sidecar'),
  'cpu-limit': matching(QUANTITY, 'a quantity such as 200m')
    .optional()
    .describe('CPU limit of the sidecar; none without it'),
  'memory-request': quantity('96Mi', '96Mi').describe('memory request of the sidecar'),
  'memory-limit': quantity('256Mi', '256Mi').describe('memory limit of the sidecar'),
  'client-ip': choice('none', 'proxy-protocol').describe(
    "what the app sees of a client's address in transparent mode",
  ),
  diagnostics: flag().describe('write a dump for diagnosis'),
});
export type Settings = z.output<typeof Settings>;
export type SettingName = keyof Settings;
export const SETTING_NAMES = Object.keys(Settings.shape) as SettingName[];

function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
}

function isCidr(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const isV4 = IPV4.test(address);
  if (rest.length > 0 || (!isV4 && !IPV6.safeParse(address).success)) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (isV4 ? 32 : 128));
}

/** Bytes of `64Ki`; null when it is no size that a body limit can have. */
function parseBytes(text: string): number | null {
  const [, digits, unit = ''] = /^(\d{1,9})(Ki|Mi|k|M)?$/.exec(text) ?? [];
  const bytes = Number(digits) * UNITS[unit]!;
  return bytes <= MAX_BODY_BYTES ? bytes : null;
}
