// Canaries in bodies: every kind of document, every way of nesting one in another, wrong types, odd characters.
import { gzipSync } from 'node:zlib';
import * as c from './canaries.ts';
import {
  asJson,
  base64,
  body,
  form,
  formPart,
  json,
  log,
  NOTED,
  named,
  type Plant,
  percent,
  WITH_NAMES,
} from './canary-plant.ts';

const { PASSWORD, TOKEN, EMAIL, CARD, IBAN, SHAPED } = c;
const document = c.everyCanary();
const multipart = [
  formPart('password', PASSWORD.value),
  formPart('token', TOKEN.value),
  formPart('doc', json, '\r\nContent-Type: application/json'),
  formPart('file', log, `; filename="${EMAIL.value}.txt"\r\nContent-Type: text/plain`),
  formPart('b', base64(json), '\r\nContent-Type: application/json\r\nContent-Transfer-Encoding: base64'),
  formPart(
    'mixed',
    `--inner\r\nContent-Disposition: file; filename="${CARD.value}.json"\r\nContent-Type: application/json\r\n\r\n${json}\r\n--inner--`,
    '\r\nContent-Type: multipart/mixed; boundary=inner',
  ),
  '--frontier--\r\n',
].join('');
const xmlText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const xml = `<?xml version="1.0"?><r><password>${PASSWORD.value}</password><t access_token="${TOKEN.value}"/>${SHAPED.map(
  ({ value }, at) =>
    at % 2 ? `<v>${xmlText(value)}</v>` : `<v><![CDATA[${value}]]></v><w is="${xmlText(value)}"/>`,
).join('')}</r>`;
const sqlText = SHAPED.map(({ value }) => `'${value}'`).join(', ');
const sql = `insert into users (password, token, note) values ('${PASSWORD.value}', '${TOKEN.value}', 'x'); select * from t where x in (${sqlText})`;
const graphql = JSON.stringify({
  query: `mutation { login(password: "${PASSWORD.value}", token: "${TOKEN.value}") { id } pay(card: "${CARD.value}") { id } }`,
  variables: document,
});
const events = `event: order\ndata: ${json}\nid: 7\n\ndata: ${json}\n\n: ${EMAIL.value}\n\n`;
const byName = (list: string, value: string) => ({
  [list]: [
    { name: 'password', value },
    { value, key: 'access_token' },
  ],
});
const utf16 = (text: string, mark: number[]) =>
  Buffer.concat([Buffer.from(mark), Buffer.from(text, 'utf16le')]);

export const BODIES: Plant[] = [
  asJson('json', document),
  body(
    'json-escaped',
    'application/json',
    [...json].map((char) => (/[a-z@]/.test(char) ? escapedChar(char) : char)).join(''),
  ),
  body('json-indented', 'application/json; charset=utf-8', JSON.stringify(document, null, 4)),
  asJson('json-in-json', { a: json, b: JSON.stringify({ c: json }) }),
  asJson('base64-in-json', { a: base64(json), b: Buffer.from(json).toString('base64url') }),
  asJson('base64-twice', { a: base64(base64(json)) }),
  asJson('gzip-in-json', { a: base64(gzipSync(json)) }),
  asJson('jwt-in-json', { a: c.JWT.value, text: `see ${c.JWT.value} there` }, [c.JWT, EMAIL, PASSWORD]),
  asJson('form-in-json', { a: form }),
  asJson('url-in-json', {
    a: `https://u:${PASSWORD.value}@h/${percent(EMAIL.value)}?${form}`,
    m: `mailto:${EMAIL.value}`,
  }),
  asJson('percent-twice', { a: percent(percent(json)) }),
  asJson('xml-in-json', {
    soap: xml,
    html: `<p>${EMAIL.value}</p><input name="password" value="${PASSWORD.value}">`,
  }),
  asJson('gzip-notes-in-json', { a: base64(named) }, NOTED),
  asJson(
    'header-lists',
    {
      headers: [
        ['Authorization', `Bearer ${TOKEN.value}`],
        ['X', `basic ${base64(`a:${PASSWORD.value}`)}`],
      ],
    },
    [TOKEN, PASSWORD],
  ),
  asJson(
    'har',
    {
      headers: [
        { name: 'Authorization', value: TOKEN.value, comment: '' },
        { comment: 'x', value: PASSWORD.value, name: 'x-password' },
      ],
      cookies: [{ name: 'sessionid', value: TOKEN.value }],
    },
    [TOKEN, PASSWORD],
  ),
  body(
    'nul-in-json',
    'application/json',
    `{"password":"${PASSWORD.value}","a":"${[...EMAIL.value].join('\0')}"}`,
    [PASSWORD],
  ),
  body(
    'commands',
    'text/plain',
    `curl -u a:b -H "Authorization: Bearer ${TOKEN.value}" -H 'X-Api-Key: ${TOKEN.value}' 'https://u:${PASSWORD.value}@h/?token=${TOKEN.value}'\npostgres://app:${PASSWORD.value}@db:5432/x\nexport DB_PASSWORD=${PASSWORD.value}`,
    [TOKEN, PASSWORD],
  ),
  body('sql-in-log', 'text/plain', `12:01 executing ${sql}`),
  body(
    'json-in-xml',
    'application/xml',
    `<r><j>${xmlText(json)}</j><b>${base64(json)}</b><c><![CDATA[${json}]]></c></r>`,
  ),
  asJson('keys', Object.fromEntries(SHAPED.map(({ value }) => [value, 1])), SHAPED),
  asJson('names-and-values', { ...byName('headers', PASSWORD.value), form: byName('params', TOKEN.value) }, [
    PASSWORD,
    TOKEN,
  ]),
  body(
    'numbers',
    'application/json',
    `{"n":${CARD.value},"l":[${CARD.value}],"card_number":${CARD.value}.0}`,
    [CARD],
  ),
  asJson(
    'groups',
    {
      cards: CARD.needles.map((card) => `paid with ${card} today`),
      iban: IBAN.needles[1],
      low: IBAN.value.toLowerCase(),
    },
    [CARD, IBAN],
  ),
  body(
    'comments',
    'application/json',
    `// ${EMAIL.value}\n{/* ${CARD.value} */ "password": "${PASSWORD.value}", token: '${TOKEN.value}'}`,
    [EMAIL, CARD, PASSWORD, TOKEN],
  ),
  body('ndjson', 'application/x-ndjson', `${json}\n${json}\n`),
  body('jsonp', 'text/javascript', `/**/cb(${json});`),
  body('json-as-text', 'text/plain', json),
  body('json-as-image', 'image/png', json),
  body('json-as-form', 'application/x-www-form-urlencoded', json),
  body('form-as-json', 'application/json', form),
  body('xml-as-json', 'application/json', xml),
  body('broken-json', 'application/json', `{"user": ${json.slice(0, -2)} , oops`),
  body('bom', 'application/json', `\ufeff${json}`),
  body('utf16', 'application/json; charset=utf-16', utf16(json, [0xff, 0xfe])),
  body('utf16-bare', 'application/json; charset=utf-16le', utf16(json, [])),
  body('latin1', 'text/plain; charset=iso-8859-1', Buffer.from(`caf\u00e9 ${log}`, 'latin1')),
  body('form', 'application/x-www-form-urlencoded', form),
  body('form-untyped', '', form),
  body(
    'form-nested',
    'application/x-www-form-urlencoded',
    `a=${percent(form)}&user%5Bpassword%5D=${PASSWORD.value}&j=${percent(json)}`,
  ),
  body('multipart', 'multipart/form-data; boundary=frontier', multipart),
  body('multipart-untyped', '', multipart),
  body('xml', 'application/xml', xml),
  body(
    'soap',
    'text/xml; charset=utf-8',
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${xml.slice(21)}</s:Body></s:Envelope>`,
  ),
  body(
    'html',
    'text/html',
    `<p>${log}</p><input name="password" value="${PASSWORD.value}"><script>var token = "${TOKEN.value}", x = ${json}</script><!-- ${EMAIL.value} -->`,
  ),
  body('text', 'text/plain', log),
  body('text-untyped', '', log),
  body(
    'csv',
    'text/csv',
    `id,password,mail\n1,x,${EMAIL.value}\n2,y,"${CARD.value}"\n${SHAPED.map(({ value }) => `"${value}"`).join(',')}\n`,
    SHAPED,
  ),
  body(
    'yaml',
    'application/yaml',
    `password: ${PASSWORD.value}\ntoken: "${TOKEN.value}"\nlist:\n${SHAPED.filter((one) => one !== c.PEM)
      .map(({ value }) => `  - ${value}\n`)
      .join('')}`,
    WITH_NAMES.filter((one) => one !== c.PEM),
  ),
  body('sql', 'application/sql', sql),
  asJson('sql-binds', { sql: 'update t set password = $1, mail = $2', statement: sql, mail: EMAIL.value }),
  body('graphql', 'application/json', graphql),
  body(
    'graphql-text',
    'application/graphql',
    `{ login(password: "${PASSWORD.value}") { id } user(mail: "${EMAIL.value}") { id } }`,
    [PASSWORD, EMAIL],
  ),
  body('events', 'text/event-stream', events),
  body(
    'events-split',
    'text/event-stream',
    `data: {"password":\ndata: "${PASSWORD.value}",\ndata: "mail": "${EMAIL.value}"}\n\n`,
    [PASSWORD, EMAIL],
  ),
  body('events-crlf', 'text/event-stream;charset=utf-8', events.replaceAll('\n', '\r\n')),
  body(
    'form-with-notes',
    'application/json',
    `{"kv":"password=${PASSWORD.value};token=${TOKEN.value}","log":"user password: ${PASSWORD.value}, Bearer ${TOKEN.value}"}`,
    [PASSWORD, TOKEN],
  ),
  body(
    'tsv',
    'text/tab-separated-values',
    SHAPED.filter((one) => one !== c.PEM)
      .map(({ value }) => value)
      .join('\t'),
    SHAPED.filter((one) => one !== c.PEM),
  ),
  body('opaque', 'application/octet-stream', Buffer.concat([Buffer.from([0, 1, 2, 255]), Buffer.from(json)])),
  body('opaque-untyped', '', Buffer.concat([Buffer.from([0x16, 3, 1, 0]), Buffer.from(log)])),
  body(
    'msgpack',
    'application/msgpack',
    Buffer.concat([Buffer.from([0x81, 0xa8]), Buffer.from(`password${PASSWORD.value}`)]),
    [PASSWORD],
  ),
];

function escapedChar(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
