// Canaries in heads: headers, cookies, urls, trailers, and what no client says of itself.
import * as c from './canaries.ts';
import { BODIES } from './canary-bodies.ts';
import { CODED, CUT } from './canary-codings.ts';
import { base64, form, headers, json, KNOWN, type Plant, percent, WITH_NAMES } from './canary-plant.ts';

const { PASSWORD, TOKEN, EMAIL, CARD, PHONE, SHAPED } = c;
const sigV4 = `AWS4-HMAC-SHA256 Credential=${c.AWS_ID.value}/20261121/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=${c.SIGNATURE.value}`;
const HEADERS: Plant[] = [
  headers('bearer', [TOKEN], [['aUTHORIZATION', `Bearer ${TOKEN.value}`]]),
  headers('bearer-low', [TOKEN], [['authorization', `bearer   ${TOKEN.value}`]]),
  headers('bearer-jwt', [c.JWT, EMAIL, PASSWORD], [['Authorization', `Bearer ${c.JWT.value}`]]),
  headers(
    'basic',
    [PASSWORD, EMAIL],
    [['Authorization', `Basic ${base64(`${EMAIL.value}:${PASSWORD.value}:with:colons`)}`]],
  ),
  headers('token-scheme', [TOKEN], [['Authorization', `token ${TOKEN.value}`]]),
  headers('no-scheme', [TOKEN], [['Authorization', TOKEN.value]]),
  headers('odd-scheme', [TOKEN], [['Authorization', `Frobnicate ${TOKEN.value}`]]),
  headers(
    'sigv4',
    [c.SIGNATURE, c.AWS_ID],
    [
      ['Authorization', sigV4],
      ['X-Amz-Security-Token', TOKEN.value],
    ],
  ),
  headers(
    'digest',
    [EMAIL, TOKEN],
    [['Authorization', `Digest username="${EMAIL.value}", realm="r", nonce="n", response="${TOKEN.value}"`]],
  ),
  headers(
    'api-keys',
    [TOKEN, PASSWORD],
    [
      ['X-API-Key', TOKEN.value],
      ['apikey', TOKEN.value],
      ['X-Auth-Token', PASSWORD.value],
      ['X-Vault-Token', TOKEN.value],
      ['Ocp-Apim-Subscription-Key', TOKEN.value],
    ],
  ),
  headers(
    'proxies',
    [EMAIL, PHONE],
    [
      ['X-Forwarded-User', EMAIL.value],
      ['X-Forwarded-Email', EMAIL.value],
      ['X-Remote-User', PHONE.value],
      ['Forwarded', `for="${EMAIL.value}"`],
      ['From', EMAIL.value],
      ['Via', `1.1 ${EMAIL.value}`],
    ],
  ),
  headers(
    'cookies',
    [TOKEN, EMAIL, PASSWORD],
    [
      [
        'Cookie',
        `theme=dark; session="${TOKEN.value}"; mail=${percent(EMAIL.value)}; remember_me=${PASSWORD.value}; sid=${TOKEN.value}`,
      ],
    ],
  ),
  headers('cookies-shaped', SHAPED, [
    ['Cookie', SHAPED.map(({ value }, at) => `c${at}=${percent(value)}`).join('; ')],
  ]),
  headers(
    'set-cookies',
    [TOKEN, EMAIL],
    [
      ['Set-Cookie', `JSESSIONID="${TOKEN.value}"; Path=/u/${EMAIL.value}; HttpOnly`],
      ['Set-Cookie', `u=${EMAIL.value}; Domain=x`],
    ],
  ),
  headers(
    'repeated',
    [TOKEN, EMAIL],
    [
      ['X-Api-Key', TOKEN.value],
      ['x-api-key', TOKEN.value],
      ['X-Note', EMAIL.value],
      ['X-Note', EMAIL.value],
    ],
  ),
  headers(
    'urls',
    [PASSWORD, TOKEN, EMAIL],
    [
      [
        'Location',
        `https://u:${PASSWORD.value}@h/cb?access_token=${TOKEN.value}#id_token=${TOKEN.value}&m=${percent(EMAIL.value)}`,
      ],
      ['Referer', `https://h/a/${EMAIL.value}?token=${TOKEN.value}`],
      ['Link', `<https://h/?access_token=${TOKEN.value}>; rel="next"`],
      ['X-Original-URL', `/?password=${PASSWORD.value}`],
      ['Refresh', `0; url=https://h/?token=${TOKEN.value}`],
    ],
  ),
  headers(
    'kept',
    KNOWN,
    [
      'ETag',
      'If-None-Match',
      'X-Request-Id',
      'Traceparent',
      'Keep-Alive',
      'Content-MD5',
      'WWW-Authenticate',
      'Sec-WebSocket-Protocol',
      'Pragma',
    ].map((name, at) => [
      name,
      KNOWN.filter((_, n) => n % 9 === at)
        .map(({ value }) => value)
        .join(' '),
    ]),
  ),
  headers('other', WITH_NAMES, [
    ['X-Json', json],
    ['X-B64', base64(json)],
    ['User-Agent', `app (${EMAIL.value})`],
    ['X-Custom-Secret', PASSWORD.value],
    ['X-Form', form],
  ]),
  headers(
    'dispositions',
    [EMAIL, CARD],
    [
      [
        'Content-Disposition',
        `attachment; filename="${EMAIL.value}.pdf"; filename*=UTF-8''${percent(CARD.value)}`,
      ],
    ],
  ),
  headers(
    'names',
    [CARD, c.ENTROPY, c.GITHUB],
    [
      [`X-${CARD.value}`, '1'],
      [`X-${c.ENTROPY.value}`, '1'],
      [c.GITHUB.value, '1'],
    ],
  ),
  { name: 'query', holds: WITH_NAMES, target: `?${form}` },
  {
    name: 'query-json',
    holds: WITH_NAMES,
    target: `?filter=${percent(json)}&x=${percent(base64(json))}&y=${percent(percent(json))}`,
  },
  {
    name: 'query-case',
    holds: [PASSWORD, TOKEN],
    target: `?Pass%57ord=${PASSWORD.value}&ACCESS_TOKEN=${TOKEN.value}&user.password=${PASSWORD.value}&${percent('user[api-key]')}=${TOKEN.value}`,
  },
  {
    name: 'query-signed',
    holds: [c.AWS_ID, c.SIGNATURE],
    target: `?X-Amz-Credential=${c.AWS_ID.value}%2F20261121&X-Amz-Signature=${c.SIGNATURE.value}`,
  },
  { name: 'path', holds: SHAPED, target: `/${SHAPED.map(({ value }) => percent(value)).join('/')}` },
  {
    name: 'path-mail',
    holds: [EMAIL, TOKEN],
    target: `/mailto:${EMAIL.value}/u;jsessionid=${TOKEN.value}/x`,
  },
  {
    name: 'path-every-byte',
    holds: [EMAIL],
    target: `/${[...Buffer.from(EMAIL.value)].map((byte) => `%${byte.toString(16)}`).join('')}`,
  },
  {
    name: 'trailers',
    holds: [TOKEN, EMAIL, CARD],
    headers: [['Content-Type', 'text/plain']],
    body: Buffer.from('plain'),
    trailers: [
      ['X-Api-Key', TOKEN.value],
      ['X-Note', `${EMAIL.value} ${CARD.value}`],
    ],
  },
];

const RAW: Plant[] = [
  {
    ...{ name: 'folded', holds: [TOKEN, EMAIL] },
    raw: {
      request: `GET /c/folded HTTP/1.1\r\nHost: shop\r\nX-Note: a\r\n ${EMAIL.value}\r\n\tb\r\nConnection: close\r\n\r\n`,
      response: `HTTP/1.1 200 OK\r\nX-Note: see\r\n ${EMAIL.value}\r\nX-Api-Key:\r\n ${TOKEN.value}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    },
  },
  {
    ...{ name: 'reason', holds: [EMAIL, CARD] },
    raw: {
      request: 'GET /c/reason HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n',
      response: `HTTP/1.1 404 No ${EMAIL.value} ${CARD.value}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    },
  },
  {
    ...{ name: 'method', holds: [c.AWS_ID] },
    raw: {
      request: `${c.AWS_ID.value} /c/method HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n`,
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    },
  },
  {
    ...{ name: 'host', holds: [c.GITHUB] },
    raw: {
      request: `GET /c/host HTTP/1.1\r\nHost: ${c.GITHUB.value}.example\r\nConnection: close\r\n\r\n`,
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    },
  },
];

export const PLANTS: readonly Plant[] = [...BODIES, ...CODED, ...HEADERS, ...CUT, ...RAW];
