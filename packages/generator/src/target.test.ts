import { expect, test } from 'vitest';
import { placed, type Target, withParts } from './target.ts';

const TARGET: Target = {
  ...{ scheme: 'http', hostname: 'shop', port: 80, host: 'shop', basePath: '', query: {} },
};

test.each<[Parameters<typeof withParts>[1], Partial<Target>]>([
  [undefined, {}],
  [{ scheme: 'https' }, { scheme: 'https', port: 443 }],
  [{ port: 8080 }, { port: 8080, host: 'shop:8080' }],
  [
    { host: '[::1]', port: 81 },
    { hostname: '::1', port: 81, host: '[::1]:81' },
  ],
  [{ basePath: '/v2/' }, { basePath: '/v2' }],
  [{ query: { a: '1' } }, { query: { a: '1' } }],
])('parts %j replace only themselves', (parts, changed) => {
  expect(withParts(TARGET, parts)).toEqual({ ...TARGET, ...changed });
});

test('a port that was named stays when the scheme is another', () => {
  const named = withParts(TARGET, { port: 8080 });
  expect(withParts(named, { scheme: 'https' })).toMatchObject({ scheme: 'https', port: 8080 });
});

test.each([
  ['/a?b=1', '', {}, '/a?b=1'],
  ['/a?', '', {}, '/a?'],
  ['/a?b=1?2', '/v2', {}, '/v2/a?b=1?2'],
  ['/', '/v2', {}, '/v2/'],
  ['/a', '', { t: 'x y' }, '/a?t=x%20y'],
  ['/a?t=1&%C3%BC=2&c', '/v2', { t: '9', ü: '&' }, '/v2/a?c&t=9&%C3%BC=%26'],
  ['*', '/v2', { t: '1' }, '*'],
  ['http://other/a', '/v2', {}, 'http://other/a'],
])('%s below "%s" with %j is asked for as %s', (recorded, basePath, query, sent) => {
  expect(placed(recorded, { basePath, query: query as Record<string, string> })).toBe(sent);
});
