import { Socket } from 'node:net';
import { parseProxyHeader } from '@echoplane/wire';
import { describe, expect, test } from 'vitest';
import { mockedAlpn } from './mocked-tunnel.ts';
import { type MockedConnection, ReplayRoutes, replayRoutes } from './replay-routes.ts';

const RESPONDER = { host: '10.9.9.9', port: 9_000 };
const routes = (...mocks: string[]) => new ReplayRoutes(mocks, RESPONDER, () => new Socket());

describe('covers()', () => {
  const some = routes('api.test:443', 'any.test:*', '*.wild.test:80', '10.0.0.1:5432', '[fd00::1]:80');
  test.each([
    ['api.test', 443, true],
    ['API.test.', 443, true],
    ['api.test', 80, false],
    ['any.test', 1, true],
    ['a.wild.test', 80, true],
    ['wild.test', 80, false],
    ['10.0.0.1', 5432, true],
    ['10.0.0.1', 80, false],
    ['fd00::1', 80, true],
  ])('%s:%i: %s', (host, port, covered) => {
    expect(some.covers({ host, port })).toBe(covered);
  });

  test('any of the names decides, and * covers everything', () => {
    expect(some.covers({ host: '10.0.0.7', port: 443 }, '', 'api.test')).toBe(true);
    expect(some.covers({ host: '10.0.0.7', port: 443 }, '')).toBe(false);
    expect(routes('*').covers({ host: '10.0.0.7', port: 1 })).toBe(true);
  });

  test('an address could be covered by a name where a rule names a host and has its port', () => {
    expect(some.mayCover({ host: '10.0.0.7', port: 443 })).toBe(true);
    expect(routes('api.test:443').mayCover({ host: '10.0.0.7', port: 444 })).toBe(false);
    expect(routes('10.0.0.1:443').mayCover({ host: '10.0.0.7', port: 443 })).toBe(false);
    expect(some.mayCover({ host: 'b.test', port: 443 })).toBe(false);
  });
});

test.each(['', 'a', 'a:', 'a:0', 'a:65536', 'a:b', ':1', '::1:80', '[x]:1'])('mock %j is refused', (mock) => {
  expect(() => routes(mock)).toThrow(/ECHOPLANE_MOCKS/);
});

test('no mocks, no routes', () => {
  expect(
    replayRoutes(
      { mocks: [], responderHost: 'a', responderPort: undefined, isolate: false },
      () => new Socket(),
    ),
  ).toBeNull();
});

describe('the header to the responder', () => {
  const headerOf = (connection: Partial<MockedConnection>) => {
    let written = Buffer.alloc(0);
    const socket = new Socket();
    socket.write = (bytes: Uint8Array | string) => {
      written = Buffer.concat([written, Buffer.from(bytes)]);
      return true;
    };
    const dialled: unknown[] = [];
    const one = new ReplayRoutes(['*'], RESPONDER, (target) => {
      dialled.push(target);
      return socket;
    });
    one.connect({
      client: { ip: '10.0.0.2', port: 1234 },
      target: { host: '10.0.0.1', port: 443 },
      named: '',
      tls: null,
      ...connection,
    });
    expect(dialled).toEqual([RESPONDER]);
    const parsed = parseProxyHeader(written);
    return parsed.status === 'ok' && parsed.header;
  };

  test('says the original destination and the client', () => {
    expect(headerOf({})).toEqual({
      source: { ip: '10.0.0.2', port: 1234 },
      destination: { ip: '10.0.0.1', port: 443 },
    });
  });

  test('says the name without its port, and what was chosen under TLS', () => {
    expect(headerOf({ named: 'API.test:443', tls: { version: 'TLSv1.3', alpn: 'h2' } })).toMatchObject({
      authority: 'api.test',
      alpn: 'h2',
      tls: { version: 'TLSv1.3' },
    });
  });

  test('a destination known by its name only has no address', () => {
    const header = headerOf({ target: { host: 'api.test', port: 80 }, named: 'api.test' });
    expect(header).toMatchObject({ authority: 'api.test', destination: { ip: '0.0.0.0', port: 80 } });
  });
});

test.each([
  [['h2', 'http/1.1'], 'http/1.1'],
  [['h2'], 'h2'],
  [['http/1.1'], 'http/1.1'],
  [['x'], null],
  [[], null],
])('of the offer %j a mocked destination takes %s', (offered, chosen) => {
  expect(mockedAlpn(offered)).toBe(chosen);
});
