import type { RRPair } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { AddressBook } from './address-names.ts';

const IP = '10.96.0.7';
function hostOf(more: Partial<RRPair>, book = known()): string | null {
  const server = { ip: IP, port: 5432, host: null };
  const pair = { direction: 'OUT', opaque: { sentBytes: 1, receivedBytes: 1 }, server, ...more } as RRPair;
  book.name(pair);
  return pair.server.host;
}
function known(): AddressBook {
  const book = new AddressBook();
  book.replace({ version: 'a', names: { [IP]: 'postgres.shop.svc' } });
  return book;
}

test('an opaque connection to a Service gets its name', () => {
  expect(hostOf({})).toBe('postgres.shop.svc');
});
test.each<[string, Partial<RRPair>, string | null]>([
  ['an address that is nobody’s', { server: { ip: '10.96.0.8', port: 1, host: null } }, null],
  ['a name of its own', { server: { ip: IP, port: 1, host: 'db' } }, 'db'],
  ['a request', { opaque: undefined as never }, null],
  ['a connection to the app', { direction: 'IN' }, null],
])('%s keeps what it has', (_, pair, host) => {
  expect(hostOf(pair)).toBe(host);
});
test('what is said last replaces what was there', () => {
  const book = known();
  book.replace({ version: 'b', names: {} });
  expect([hostOf({}, book), book.version]).toEqual([null, 'b']);
});
