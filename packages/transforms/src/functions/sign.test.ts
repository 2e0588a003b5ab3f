import { createHmac } from 'node:crypto';
import type { HeaderList } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { request, run } from '../chain.fixture.ts';
import { readTime } from '../index.ts';

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const SUITE_US = readTime('20150830T123600Z')!.us;
const OLD = 'AWS4-HMAC-SHA256 Credential=OLD/20140101/us-east-1/service/aws4_request, SignedHeaders=';

// The test suite AWS publishes for Signature Version 4, at 20150830T123600Z in us-east-1/service.
const SUITE: [
  name: string,
  method: string,
  target: string,
  headers: HeaderList,
  signed: string,
  body: string,
  signature: string,
][] = [
  [
    'get-vanilla',
    'GET',
    '/',
    [],
    'host;x-amz-date',
    '',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  ],
  [
    'get-vanilla-query-order-key-case',
    'GET',
    '/?Param2=value2&Param1=value1',
    [],
    'host;x-amz-date',
    '',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'post-vanilla',
    'POST',
    '/',
    [],
    'host;x-amz-date',
    '',
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
  [
    'post-x-www-form-urlencoded',
    'POST',
    '/',
    [['Content-Type', 'application/x-www-form-urlencoded']],
    'content-type;host;x-amz-date',
    'Param1=value1',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  ],
];

describe('aws-sign gives the signatures that AWS publishes', () => {
  test.each(SUITE)('%s', (_, method, target, headers, signed, body, signature) => {
    const message = request(body, {
      ...{ method, target },
      headers: [
        ['Host', 'example.amazonaws.com'],
        ['X-Amz-Date', '20140101T000000Z'],
        ...headers,
        ['X-Unsigned', 'x'],
        ['Authorization', `${OLD}${signed}, Signature=0`],
      ],
    });
    const made = run(
      [{ extract: { name: 'empty' }, functions: [{ name: 'aws-sign', ...KEYS }], strict: true }],
      message,
      { nowUs: SUITE_US },
    );
    expect(made.findings).toEqual([]);
    const authorization = made.message.request.headers.at(-1)![1];
    expect(authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
    );
    expect(made.message.request.headers[1]).toEqual(['X-Amz-Date', '20150830T123600Z']);
  });

  // "Signature Calculations for the Authorization Header", Amazon S3 API reference.
  test('a GET with a range of an object in S3', () => {
    const message = request('', {
      ...{ method: 'GET', target: '/test.txt' },
      headers: [
        ['Host', 'examplebucket.s3.amazonaws.com'],
        ['Range', 'bytes=0-9'],
        ['x-amz-content-sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
        ['x-amz-date', '20140101T000000Z'],
        [
          'Authorization',
          'AWS4-HMAC-SHA256 Credential=OLD/20140101/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=0',
        ],
      ],
    });
    const keys = {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    };
    const made = run(
      [{ extract: { name: 'empty' }, functions: [{ name: 'aws-sign', ...keys }], strict: true }],
      message,
      { nowUs: readTime('20130524T000000Z')!.us },
    );
    expect(made.message.request.headers.at(-1)![1]).toContain(
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
  });

  // "Authenticating Requests: Using Query Parameters", Amazon S3 API reference.
  test('a presigned URL of S3', () => {
    const target =
      '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=OLD%2F20120101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20120101T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=0';
    const message = request('', {
      method: 'GET',
      target,
      headers: [['Host', 'examplebucket.s3.amazonaws.com']],
    });
    const keys = {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    };
    const made = run(
      [{ extract: { name: 'empty' }, functions: [{ name: 'aws-sign', ...keys }], strict: true }],
      message,
      { nowUs: readTime('20130524T000000Z')!.us },
    );
    expect(made.findings).toEqual([]);
    expect(made.message.request.target).toContain(
      'X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });
});

test('aws-sign digests the body anew, and carries the token of temporary credentials', () => {
  const message = request('{"a":1}', {
    headers: [
      ['Host', 'h'],
      ['X-Amz-Content-Sha256', '0'.repeat(64)],
      ['Authorization', `${OLD}host;x-amz-content-sha256;x-amz-date, Signature=0`],
    ],
  });
  const made = run(
    [{ extract: { name: 'empty' }, functions: [{ name: 'aws-sign', ...KEYS, sessionToken: 'session' }] }],
    message,
  ).message.request.headers;
  const value = (name: string) => made.find(([n]) => n.toLowerCase() === name)?.[1];
  expect(value('x-amz-content-sha256')).toBe(
    '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862',
  );
  expect(value('x-amz-security-token')).toBe('session');
  expect(value('authorization')).toContain('x-amz-security-token');
});

test('a chunked payload is said not to be signed again', () => {
  const headers: HeaderList = [
    ['Host', 'h'],
    ['X-Amz-Content-Sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    ['Authorization', `${OLD}host, Signature=0`],
  ];
  const made = run(
    [{ extract: { name: 'empty' }, functions: [{ name: 'aws-sign', ...KEYS }], strict: true }],
    request('', { headers }),
  );
  expect(made.findings[0]!.reason).toMatch(/chunked payloads/);
});

test('hmac signs the body as it is sent, after the chains before it', () => {
  const chains = [
    {
      functions: [
        { name: 'json', path: 'a' },
        { name: 'constant', value: 'new' },
      ],
    },
    {
      extract: { name: 'header', header: 'X-Signature' },
      functions: [{ name: 'hmac', key: 'k', before: '${{now:epoch}}.', prefix: 'v0=', encoding: 'base64' }],
    },
  ];
  const made = run(chains, request('{"a":"x"}', { headers: [['X-Signature', 'old']] }));
  const expected = createHmac('sha256', 'k').update('1772366400.{"a":"new"}').digest('base64');
  expect(made.message.request.headers).toEqual([['X-Signature', `v0=${expected}`]]);
});

test('basic-auth replaces what redaction took away only when it is given both parts', () => {
  const headers: HeaderList = [['Authorization', 'Basic rdx_abcd']];
  const auth = (config: object) =>
    run(
      [
        {
          extract: { name: 'header', header: 'authorization' },
          functions: [{ name: 'basic-auth', ...config }],
        },
      ],
      request('', { headers }),
    );
  expect(auth({ user: 'ann' }).missed).toEqual(['c0']);
  expect(auth({ user: 'ann', password: 'pw' }).message.request.headers[0]![1]).toBe(
    `Basic ${btoa('ann:pw')}`,
  );
});
