// Faults of statuses, headers, cookies and whole bodies.
import { type Answer, contentType, headerOf, isObject, jsonOf, withHeader, withJson } from './answer.ts';
import { type Fault, messageFault } from './fault.ts';

const status = (name: string, what: string, change: (status: number) => number): Fault =>
  messageFault(name, what, 'status', (answer) => {
    const changed = change(answer.status);
    return changed === answer.status ? null : { ...answer, status: changed };
  });
const header = (
  fault: string,
  what: string,
  name: string,
  change: (value: string) => string | undefined,
): Fault =>
  messageFault(fault, what, `header.${name}`, (answer) => {
    const value = headerOf(answer, name);
    if (value === undefined) return null;
    const changed = change(value);
    return changed === value ? null : withHeader(answer, name, changed);
  });
const gone = () => undefined;
/** Every Set-Cookie; `undefined` takes it out. */
const cookie = (fault: string, what: string, change: (value: string) => string | undefined): Fault =>
  messageFault(fault, what, fault === 'cookie lost' ? 'cookie' : 'cookie;', (answer) => {
    const headers = answer.headers.flatMap(([name, value]) => {
      const changed = name.toLowerCase() === 'set-cookie' ? change(value) : value;
      return changed === undefined ? [] : [[name, changed] as [string, string]];
    });
    return JSON.stringify(headers) === JSON.stringify(answer.headers) ? null : { ...answer, headers };
  });
const body = (fault: string, what: string, change: (body: Buffer, answer: Answer) => Buffer | null): Fault =>
  messageFault(fault, what, 'body', (answer) => {
    const changed = answer.body.length === 0 ? null : change(answer.body, answer);
    return changed === null || changed.equals(answer.body) ? null : { ...answer, body: changed };
  });
const isGrpc = (answer: Answer) => contentType(answer).startsWith('application/grpc');
const isError = (answer: Answer) => answer.status >= 400;
const ERROR_CODE = /^(code|error|name|id|error_code|errorCode|status)$/;

/** The first field of an error for which `is` holds, anywhere in it. */
function changeError(answer: Answer, is: (key: string) => boolean, value: string | undefined): Answer | null {
  const json = jsonOf(answer);
  if (!isError(answer) || !isObject(json)) return null;
  const key = Object.keys(json).find(is);
  if (key === undefined) return null;
  const { [key]: _gone, ...rest } = json;
  return withJson(answer, value === undefined ? rest : { ...json, [key]: value });
}

const TRACE =
  '\nError: boom\n    at handler (/srv/app/routes.js:10:5)\n    at next (/srv/app/router.js:99:1)\n';

export const MESSAGE_FAULTS: readonly Fault[] = [
  status('500 instead of success', 'an internal error', (is) => (is < 400 ? 500 : is)),
  status('200 instead of 404', 'nothing found is a success', (is) => (is === 404 ? 200 : is)),
  status('200 instead of 401', 'a refusal is a success', (is) => (is === 401 || is === 403 ? 200 : is)),
  status('500 instead of 4xx', "the caller's mistake is an internal error", (is) =>
    is >= 400 && is < 500 ? 500 : is,
  ),
  status('422 instead of 400', 'another code for a bad request', (is) =>
    is === 400 || is === 409 ? 422 : is,
  ),
  status('200 instead of 201', 'created is not said', (is) => (is === 201 ? 200 : is)),
  status('200 instead of 204', 'no content is not said', (is) => (is === 204 ? 200 : is)),
  status('200 instead of 3xx', 'no redirect', (is) => (is >= 300 && is < 400 ? 200 : is)),
  status('202 instead of 200', 'accepted instead of done', (is) => (is === 200 ? 202 : is)),

  header('content type', 'text instead of what it is', 'content-type', (value) =>
    value.includes('grpc') ? value : 'text/plain',
  ),
  header('charset changed', 'another charset', 'content-type', (value) =>
    /charset/i.test(value) ? value.replace(/charset=[\w-]+/i, 'charset=iso-8859-1') : value,
  ),
  header('charset lost', 'no charset', 'content-type', (value) => value.replace(/;\s*charset=[\w-]+/i, '')),
  header('location lost', 'no address of what was made', 'location', gone),
  header('location changed', 'the address of something else', 'location', (value) =>
    value.replace(/^([^?#]*)/, '$1/x'),
  ),
  header('link lost', 'no pages to follow', 'link', gone),
  header('link changed', 'another next page', 'link', (value) => value.replace(/_?page=(\d+)/, '_page=99')),
  header('cache-control lost', 'nothing said of caching', 'cache-control', gone),
  header(
    'cache-control changed',
    'private answers may be cached',
    'cache-control',
    () => 'public, max-age=31536000',
  ),
  header('etag lost', 'no version', 'etag', gone),
  header('vary lost', 'caches may mix answers', 'vary', gone),
  header('www-authenticate lost', 'how to log in is not said', 'www-authenticate', gone),
  header('cors lost', 'other origins are refused', 'access-control-allow-origin', gone),
  header(
    'cors changed',
    'every origin is allowed',
    'access-control-allow-origin',
    () => 'https://elsewhere.example',
  ),
  header('total header wrong', 'a total in a header is one short', 'x-total-count', (value) =>
    String(Number(value) - 1),
  ),
  header('frame options lost', 'may be framed', 'x-frame-options', gone),
  header('sniffing allowed', 'content types may be guessed', 'x-content-type-options', gone),
  header('gzip lost', 'not compressed any more', 'content-encoding', gone),
  messageFault('header added', 'says what it is made with', 'header.x-debug-build', (answer) =>
    withHeader(answer, 'x-debug-build', 'internal-17'),
  ),

  cookie('cookie lost', 'a cookie is not set', gone),
  cookie('cookie not HttpOnly', 'scripts may read a cookie', (value) => value.replace(/;\s*httponly/i, '')),
  cookie('cookie not Secure', 'a cookie goes over plain HTTP', (value) => value.replace(/;\s*secure/i, '')),
  cookie('cookie SameSite', 'a cookie goes to other sites', (value) =>
    value.replace(/samesite=\w+/i, 'SameSite=None'),
  ),
  cookie('cookie path', 'a cookie of another path', (value) =>
    value.replace(/path=[^;]+/i, 'Path=/elsewhere'),
  ),
  cookie('cookie for ever', 'a cookie that stays', (value) => `${value}; Max-Age=31536000`),

  body('body cut', 'half of a body', (bytes, answer) =>
    isGrpc(answer) ? null : bytes.subarray(0, bytes.length >> 1),
  ),
  body('body empty', 'no body', (_bytes, answer) => (isGrpc(answer) ? null : Buffer.alloc(0))),
  body('stack trace', 'a trace behind the body', (bytes, answer) =>
    isGrpc(answer) ? null : Buffer.concat([bytes, Buffer.from(TRACE)]),
  ),
  body('latin1', 'text in latin1', (bytes, answer) =>
    isGrpc(answer) ? null : Buffer.from(bytes.toString('utf8'), 'latin1'),
  ),
  body('html instead', 'a page of an error instead of JSON', (_bytes, answer) =>
    contentType(answer).includes('json')
      ? Buffer.from('<html><body><h1>Bad Gateway</h1></body></html>')
      : null,
  ),
  body('json in a text', 'JSON encoded twice', (bytes, answer) =>
    contentType(answer).includes('json') ? Buffer.from(JSON.stringify(bytes.toString('utf8'))) : null,
  ),
  body('word of a text', 'another word in a text or a page', (bytes, answer) => {
    if (!contentType(answer).startsWith('text/')) return null;
    const text = bytes.toString('utf8');
    const words = [
      ...text
        .replace(/<(script|style)[\s\S]*?<\/\1>/g, (one) => ' '.repeat(one.length))
        .matchAll(/(?<=>[^<]*|^[^<]*)\b[A-Za-z]{4,}\b/g),
    ];
    const word = words[words.length >> 1];
    return word
      ? Buffer.from(`${text.slice(0, word.index)}Wrong${text.slice(word.index + word[0].length)}`)
      : null;
  }),
  messageFault('error without its code', 'an error without its code', 'body', (answer) =>
    changeError(answer, (key) => ERROR_CODE.test(key), undefined),
  ),
  messageFault('error in other words', 'an error that says nothing', 'body', (answer) =>
    changeError(answer, (key) => /message|description|detail/i.test(key), 'Something went wrong.'),
  ),
  messageFault('errors beside data', 'GraphQL errors beside data', 'body', (answer) => {
    const json = jsonOf(answer);
    return isObject(json) && 'data' in json && !('errors' in json)
      ? withJson(answer, { ...json, errors: [{ message: 'Timeout', path: [] }] })
      : null;
  }),
  messageFault('data null', 'GraphQL without data', 'body', (answer) => {
    const json = jsonOf(answer);
    return isObject(json) && isObject(json.data) ? withJson(answer, { ...json, data: null }) : null;
  }),
];
