import { expect, test } from 'vitest';
import { PassThroughHosts } from './pass-through-hosts.ts';

test('PassThroughHosts keeps the 1,000 hosts learned last', () => {
  const hosts = new PassThroughHosts();
  for (let i = 0; i <= 1_000; i++) hosts.add({ host: `h${i}`, port: 443 }, 'tls-refused-by-client');
  expect(hosts.reasonFor({ host: 'h0', port: 443 })).toBeNull();
  expect(hosts.reasonFor({ host: 'H1000', port: 443 })).toBe('tls-refused-by-client');
  expect(hosts.reasonFor({ host: 'h1000', port: 80 })).toBeNull();
});
