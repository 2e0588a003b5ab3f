import type { PassThroughHost } from '@echoplane/wire';
import { expect, test } from 'vitest';
import { PassThroughHosts } from './pass-through-hosts.ts';

const HOUR_US = 3_600_000_000;

function hostsAt(nowUs = 0) {
  const clock = { us: nowUs, nowUs: () => clock.us };
  const told: PassThroughHost[] = [];
  const hosts = new PassThroughHosts(clock);
  hosts.onLearned = (host) => told.push(host);
  return { hosts, clock, told };
}

const pinned = { host: 'Api.Test', port: 443 };

test('PassThroughHosts keeps the 1,000 hosts learned last', () => {
  const { hosts } = hostsAt();
  for (let i = 0; i <= 1_000; i++) hosts.add({ host: `h${i}`, port: 443 }, 'tls-refused-by-client');
  expect(hosts.reasonFor({ host: 'h0', port: 443 })).toBeNull();
  expect(hosts.reasonFor({ host: 'H1000', port: 443 })).toBe('tls-refused-by-client');
  expect(hosts.reasonFor({ host: 'h1000', port: 80 })).toBeNull();
});

test('what was learned heals after a day, what could not be verified after minutes', () => {
  const { hosts, clock } = hostsAt();
  hosts.add(pinned, 'tls-refused-by-client');
  hosts.add({ host: 'self.test', port: 443 }, 'tls-unverified');
  clock.us = HOUR_US;
  expect(hosts.reasonFor(pinned)).toBe('tls-refused-by-client');
  expect(hosts.reasonFor({ host: 'self.test', port: 443 })).toBeNull();
  clock.us = 24 * HOUR_US;
  expect(hosts.reasonFor(pinned)).toBeNull();
  expect(hosts.learned()).toEqual([]);
});

test('what is learned here is told once, and again when it is learned anew after it expired', () => {
  const { hosts, clock, told } = hostsAt();
  hosts.add(pinned, 'tls-refused-by-client');
  hosts.add(pinned, 'tls-refused-by-client');
  hosts.add({ host: 'self.test', port: 443 }, 'tls-unverified');
  const lasting = { host: 'api.test', port: 443, reason: 'tls-refused-by-client' };
  expect(told).toEqual([lasting]);
  expect(hosts.learned()).toEqual([lasting]);
  clock.us = 25 * HOUR_US;
  hosts.add(pinned, 'tls-refused-by-client');
  expect(told).toHaveLength(2);
});

test('what others told holds, is not told on, and does not replace what we know', () => {
  const { hosts, told } = hostsAt();
  hosts.add({ host: 'ours.test', port: 443 }, 'tls-client-certificate');
  hosts.learn({ host: 'ours.test', port: 443, reason: 'tls-refused-by-client' });
  hosts.learn({ host: 'theirs.test', port: 8443, reason: 'tls-refused-by-client' });
  expect(hosts.reasonFor({ host: 'ours.test', port: 443 })).toBe('tls-client-certificate');
  expect(hosts.reasonFor({ host: 'theirs.test', port: 8443 })).toBe('tls-refused-by-client');
  expect(told.map(({ host }) => host)).toEqual(['ours.test']);
  expect(hosts.learned().map(({ host }) => host)).toEqual(['ours.test']);
});

test.each([
  { host: '', port: 443, reason: 'tls-refused-by-client' },
  { host: 'a'.repeat(254), port: 443, reason: 'tls-refused-by-client' },
  { host: 'a.test', port: 0, reason: 'tls-refused-by-client' },
  { host: 'a.test', port: 70_000, reason: 'tls-refused-by-client' },
  { host: 'a.test', port: 443, reason: 'because' },
])('learn() ignores %o', (told) => {
  const { hosts } = hostsAt();
  hosts.learn(told);
  expect(hosts.reasonFor(told)).toBeNull();
});
