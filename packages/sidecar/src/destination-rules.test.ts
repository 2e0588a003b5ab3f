import { describe, expect, test } from 'vitest';
import { destinationRules, plainHost } from './destination-rules.ts';

describe('opaqueReason()', () => {
  const rules = destinationRules({
    opaquePorts: [5432],
    ignoreDstHosts: ['Api.Test', '*.wild.test', '10.0.0.1', '[::1]'],
  });
  test.each([
    [{ port: 5432 }, 'opaque-port'],
    [{ host: 'a.test', port: 5432 }, 'opaque-port'],
    [{ host: 'api.test' }, 'ignored-host'],
    [{ host: 'API.test.:8443', port: 1 }, 'ignored-host'],
    [{ host: 'a.wild.test' }, 'ignored-host'],
    [{ host: 'b.a.wild.test:1' }, 'ignored-host'],
    [{ host: '10.0.0.1', port: 80 }, 'ignored-host'],
    [{ host: '::1' }, 'ignored-host'],
    [{ host: 'wild.test' }, null],
    [{ host: 'notwild.test' }, null],
    [{ host: 'x.api.test' }, null],
    [{ host: '' }, null],
    [{ port: 543 }, null],
    [{}, null],
  ])('%j: %s', (known, reason) => {
    expect(rules.opaqueReason(known)).toBe(reason);
  });

  test('* covers every host', () => {
    expect(destinationRules({ opaquePorts: [], ignoreDstHosts: ['*'] }).opaqueReason({ host: 'x' })).toBe(
      'ignored-host',
    );
  });
});

test.each([
  ['A.Test:80', 'a.test'],
  ['a.test.', 'a.test'],
  ['[2001:DB8::1]:443', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['10.0.0.1:5', '10.0.0.1'],
])('plainHost(%s) is %s', (host, plain) => {
  expect(plainHost(host)).toBe(plain);
});
