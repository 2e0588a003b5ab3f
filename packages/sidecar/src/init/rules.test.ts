// The plan: who is exempt, in which order; and how nft and iptables say it.
import { describe, expect, test } from 'vitest';
import { renderIptables, renderRemoval } from './iptables.ts';
import { relayedNameServers } from './name-servers.ts';
import { renderNft } from './nft.ts';
import { plan, type Rule, type RuleSettings, rulesOf } from './rules.ts';

const SETTINGS: RuleSettings = {
  inPort: 4143,
  outPort: 4140,
  adminPort: 4145,
  diagnosticsPort: 4100,
  dnsPort: 4153,
  proxyUid: 4140,
  proxyGid: 4141,
  ignoreInboundPorts: [],
  ignoreOutboundPorts: [],
  ignoreSrcCidrs: [],
  ignoreDstCidrs: [],
  hostIp: [],
  captureNodeTraffic: false,
  captureLoopback: false,
  nameServers: [],
};
const planned = (settings: Partial<RuleSettings>, chain: Rule['chain'], family: 4 | 6 = 4) =>
  rulesOf(plan({ ...SETTINGS, ...settings }), chain, family).map(({ chain: _, ...rule }) => rule);

test('the plan exempts the sidecar and loopback first and redirects all other TCP last', () => {
  expect(planned({}, 'outbound')).toEqual([
    { uid: 4140 },
    { gid: 4141 },
    { loopback: true },
    { protocol: 'tcp', redirectTo: 4140 },
  ]);
  expect(planned({}, 'inbound', 6)).toEqual([
    { loopback: true },
    { destination: '::1' },
    ...[4143, 4140, 4145, 4100, 4153].map((port) => ({ protocol: 'tcp', port })),
    { protocol: 'tcp', redirectTo: 4143 },
  ]);
});

test('captured loopback spares the listeners of the sidecar', () => {
  const rules = planned({ captureLoopback: true }, 'outbound').slice(2);
  const own = [4143, 4140, 4145, 4100, 4153];
  expect(rules).toEqual([
    ...own.map((port) => ({ loopback: true, protocol: 'tcp', port })),
    { protocol: 'tcp', redirectTo: 4140 },
  ]);
});

test('a rule with an address is for its family alone', () => {
  const settings = { ignoreSrcCidrs: ['10.0.0.0/8', 'fd00::/8'], hostIp: ['192.0.2.1', '2001:db8::1'] };
  const sources = (family: 4 | 6) =>
    planned(settings, 'inbound', family).flatMap((rule) => rule.source ?? []);
  expect(sources(4)).toEqual(['10.0.0.0/8', '192.0.2.1']);
  expect(sources(6)).toEqual(['fd00::/8', '2001:db8::1']);
  expect(planned({ ...settings, captureNodeTraffic: true }, 'inbound')).not.toContainEqual({
    source: '192.0.2.1',
  });
});

test('exclusions come before DNS, and an ignored port 53 is ignored by UDP too', () => {
  const settings = { nameServers: ['10.96.0.10'], ignoreDstCidrs: ['10.0.0.0/8'], ignoreOutboundPorts: [53] };
  expect(planned(settings, 'outbound').slice(3)).toEqual([
    { protocol: 'tcp', port: 53 },
    { protocol: 'udp', port: 53 },
    { destination: '10.0.0.0/8' },
    { destination: '10.96.0.10', protocol: 'udp', port: 53, redirectTo: 4153 },
    { destination: '10.96.0.10', protocol: 'tcp', port: 53, redirectTo: 4153 },
    { protocol: 'tcp', redirectTo: 4140 },
  ]);
});

const RULES: Rule[] = [
  { chain: 'inbound', loopback: true },
  { chain: 'inbound', protocol: 'tcp', port: 4145 },
  { chain: 'inbound', source: 'fd00::/8' },
  { chain: 'inbound', protocol: 'tcp', redirectTo: 4143 },
  { chain: 'outbound', uid: 4140 },
  { chain: 'outbound', gid: 4141 },
  { chain: 'outbound', loopback: true, protocol: 'tcp', port: 4100 },
  { chain: 'outbound', destination: 'fd00::10', protocol: 'udp', port: 53, redirectTo: 4153 },
];

test('nft: one transaction that replaces the table of each family', () => {
  expect(renderNft(RULES, [6])).toBe(`add table ip6 echoplane
delete table ip6 echoplane
table ip6 echoplane {
  chain inbound {
    type nat hook prerouting priority -99; policy accept;
    iifname "lo" return
    tcp dport 4145 return
    ip6 saddr fd00::/8 return
    meta l4proto tcp redirect to :4143
  }
  chain outbound {
    type nat hook output priority -99; policy accept;
    meta skuid 4140 return
    meta skgid 4141 return
    oifname "lo" tcp dport 4100 return
    ip6 daddr fd00::10 udp dport 53 redirect to :4153
  }
}
`);
  expect(renderNft(RULES, [4, 6]).match(/^table ip6? echoplane/gm)).toHaveLength(2);
});

describe('iptables', () => {
  const saved = [
    '*nat',
    ':PREROUTING ACCEPT [1:60]',
    ':ECHOPLANE_INBOUND - [0:0]',
    ':ECHOPLANE_OUTBOUND - [0:0]',
    '-A PREROUTING -p tcp -j OTHER',
    '-A PREROUTING -j ECHOPLANE_INBOUND',
    '-A PREROUTING -j ECHOPLANE_INBOUND',
    '-A ECHOPLANE_INBOUND -p tcp -j REDIRECT --to-ports 4143',
    'COMMIT',
  ].join('\n');

  test('chains of our own and exactly one jump to each, however many there were', () => {
    expect(renderIptables(RULES, 6, saved)).toEqual([
      ':ECHOPLANE_INBOUND - [0:0]',
      ':ECHOPLANE_OUTBOUND - [0:0]',
      '-D PREROUTING -j ECHOPLANE_INBOUND',
      '-D PREROUTING -j ECHOPLANE_INBOUND',
      '-A ECHOPLANE_INBOUND -i lo -j RETURN',
      '-A ECHOPLANE_INBOUND -p tcp --dport 4145 -j RETURN',
      '-A ECHOPLANE_INBOUND -s fd00::/8 -j RETURN',
      '-A ECHOPLANE_INBOUND -p tcp -j REDIRECT --to-ports 4143',
      '-A PREROUTING -j ECHOPLANE_INBOUND',
      '-A ECHOPLANE_OUTBOUND -m owner --uid-owner 4140 -j RETURN',
      '-A ECHOPLANE_OUTBOUND -m owner --gid-owner 4141 -j RETURN',
      '-A ECHOPLANE_OUTBOUND -o lo -p tcp --dport 4100 -j RETURN',
      '-A ECHOPLANE_OUTBOUND -d fd00::10 -p udp --dport 53 -j REDIRECT --to-ports 4153',
      '-A OUTPUT -j ECHOPLANE_OUTBOUND',
    ]);
  });

  test('the removal takes our chains and jumps and nothing else; nothing of ours is no removal', () => {
    expect(renderRemoval(saved)).toEqual([
      '-D PREROUTING -j ECHOPLANE_INBOUND',
      '-D PREROUTING -j ECHOPLANE_INBOUND',
      '-F ECHOPLANE_INBOUND',
      '-F ECHOPLANE_OUTBOUND',
      '-X ECHOPLANE_INBOUND',
      '-X ECHOPLANE_OUTBOUND',
    ]);
    expect(renderRemoval('*nat\n:OTHER - [0:0]\n-A OUTPUT -j OTHER\nCOMMIT\n')).toBeNull();
  });
});

test.each([
  ['nameserver 10.96.0.10\nnameserver 1.1.1.1\n', undefined, ['10.96.0.10']],
  ['search a\nnameserver fd00::10\n', '9.9.9.9:5353', ['fd00::10', '9.9.9.9']],
  ['nameserver 10.96.0.10\n', '10.96.0.10', ['10.96.0.10']],
  ['', '[2001:db8::1]:53', ['2001:db8::1']],
  ['', '2001:db8::1', ['2001:db8::1']],
  ['nameserver 127.0.0.53\n', undefined, []],
  ['nameserver ::1\n', 'dns.example', []],
  ['nameserver fe80::1%eth0\n', undefined, []],
])('of %j and %j the relayed name servers are %j', (resolvConf, dnsServer, servers) => {
  expect(relayedNameServers(resolvConf, dnsServer)).toEqual(servers);
});
