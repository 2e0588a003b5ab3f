import { expect, test } from 'vitest';
import { type Channel, type Origin, originOf, splitAuthority } from './channel.ts';

const DIRECT = { scheme: 'http', authority: null } as const;
const TUNNEL = { scheme: 'https', authority: 'pay.test:443' } as const;

const origins: [
  channel: Pick<Channel, 'scheme' | 'authority'>,
  url: string,
  host: string | undefined,
  origin: Origin,
][] = [
  [
    DIRECT,
    'http://rates.test:81/a?b=1',
    'other',
    { scheme: 'http', host: 'rates.test:81', target: '/a?b=1' },
  ],
  [DIRECT, 'http://rates.test', 'rates.test', { scheme: 'http', host: 'rates.test', target: '/' }],
  [DIRECT, 'http://rates.test?b=1', undefined, { scheme: 'http', host: 'rates.test', target: '/?b=1' }],
  [DIRECT, 'HTTPS://pay.test/a?', undefined, { scheme: 'https', host: 'pay.test', target: '/a?' }],
  [DIRECT, '/a', 'rates.test:80', { scheme: 'http', host: 'rates.test', target: '/a' }],
  [TUNNEL, '/a', 'pay.test', { scheme: 'https', host: 'pay.test', target: '/a' }],
  [TUNNEL, '/a', 'pay.test:443', { scheme: 'https', host: 'pay.test', target: '/a' }],
  [TUNNEL, '/a', 'pay.test:8443', { scheme: 'https', host: 'pay.test:8443', target: '/a' }],
  [TUNNEL, '/a', undefined, { scheme: 'https', host: 'pay.test', target: '/a' }],
  [TUNNEL, '*', 'pay.test', { scheme: 'https', host: 'pay.test', target: '/' }],
];

test.each(origins)('through %o, %s with Host %s', (channel, url, host, origin) => {
  expect(originOf(channel, url, host)).toEqual(origin);
});

test.each([
  ['pay.test:443', { host: 'pay.test', port: 443 }],
  ['[::1]:8443', { host: '::1', port: 8443 }],
  ['pay.test', null],
  ['pay.test:0', null],
  ['pay.test:65536', null],
  ['http://pay.test:80', null],
  ['', null],
])('the authority %o is %o', (authority, parts) => {
  expect(splitAuthority(authority)).toEqual(parts);
});
