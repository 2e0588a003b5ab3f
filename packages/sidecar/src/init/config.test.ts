// The settings of `init`: defaults, and what is refused.
import { ConfigError, loadConfig } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { initConfig } from './config.ts';

const load = (env: Record<string, string>) =>
  loadConfig(
    initConfig,
    Object.fromEntries(Object.entries(env).map(([name, value]) => [`ECHOPLANE_${name}`, value])),
  );

test('no setting is needed', () => {
  expect(load({})).toMatchObject({
    mode: 'transparent',
    inPort: 4143,
    outPort: 4140,
    proxyUid: 4140,
    ipv6: true,
  });
});

test('lists are of ports and CIDRs of both families', () => {
  const config = load({
    IGNORE_INBOUND_PORTS: '80, 443',
    IGNORE_DST_CIDRS: '10.0.0.1,10.0.0.0/8,::/0,fd00::1',
  });
  expect(config.ignoreInboundPorts).toEqual([80, 443]);
  expect(config.ignoreDstCidrs).toEqual(['10.0.0.1', '10.0.0.0/8', '::/0', 'fd00::1']);
});

test.each([
  ['IGNORE_INBOUND_PORTS', '80,http'],
  ['IGNORE_OUTBOUND_PORTS', '0'],
  ['IGNORE_OUTBOUND_PORTS', Array.from({ length: 257 }, (_, index) => index + 1).join()],
  ['IGNORE_DST_CIDRS', '10.0.0.0/33'],
  ['IGNORE_DST_CIDRS', '10.0.0.0/8/8'],
  ['IGNORE_DST_CIDRS', '10.0.0.0/'],
  ['IGNORE_SRC_CIDRS', 'fe80::1%eth0'],
  ['IGNORE_SRC_CIDRS', '10.0.0.1; flush ruleset'],
  ['HOST_IP', 'node-1'],
  ['PROXY_UID', '0'],
  ['IN_PORT', '0'],
])('%s=%s is refused', (name, value) => {
  expect(() => load({ [name]: value })).toThrow(ConfigError);
});
