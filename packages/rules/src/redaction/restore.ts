// The way back from tokens to values, for those who know them: the generator by the vault, the responder by what the
// service just sent. A value is written as its carrier asks: escaped in JSON, percent-encoded in urls and forms, within
// base64. It must not know who knows the values.
import { isRedacted } from '@echoplane/replay';
import {
  type Body,
  bodyJson,
  encoded,
  encodeLike,
  type HeaderList,
  type HttpResponse,
  header,
  knownCodings,
  openBase64,
  type RequestParts,
} from '@echoplane/traffic';
import { isTokenShape } from './token-shape.ts';

/** The value that a token stands for; undefined when it is not known, and the token stays. */
export type ValueOf = (token: string) => string | undefined;

const PEM =
  '-----BEGIN [A-Z0-9 ]+-----(?:\\s|\\\\[nr])*rdx_[a-z0-9]+(?:\\s|\\\\[nr])*-----END [A-Z0-9 ]+-----';
/** Numbers in groups: cards, numbers under sensitive names, IBANs, phones, social security. */
const NUMBERS =
  '\\b9999[ .-]?99(?:[ .-]?\\d){3,13}\\b|\\bZZ\\d{2}(?: ?\\d){11,30}\\b|(?:\\+|%2[Bb])999[\\d .()/-]{3,19}\\d|\\b000-\\d{2}-\\d{4}\\b|\\b000\\d{6,12}\\b';
/** Not within a longer word, so that a long text is not read again from every place in it. */
const JWT = '(?:(?<![\\w-])|(?<=%[0-9A-F]{2}))eyJ[\\w-]*\\.[\\w-]*\\.rdx_[a-z0-9]*';
const TOKEN = new RegExp(
  `${PEM}|${JWT}|u-[a-z0-9]{12}(?:@|%40)redacted\\.(?:example\\.com|invalid)|rdx_[a-z0-9]{4,}|${NUMBERS}`,
  'g',
);
const BASE64_RUN = /[A-Za-z0-9+/_-]{16,}={0,2}/g;

type Written = (value: string) => string;
const asItIs: Written = (value) => value;
const insideJson: Written = (value) => JSON.stringify(value).slice(1, -1);

/** Whether a token stands for what proves or gives access, and not for a name, an address or a number. */
export function isCredentialToken(token: string): boolean {
  return isTokenShape(token) && isRedacted(token) && !token.startsWith('u-');
}

/** A text with the values of its tokens, as far as they are known; the same string when none is. */
export function restoreText(text: string, known: ValueOf, written: Written = asItIs): string {
  const plain = text.replace(TOKEN, (token) => {
    const value = lookUp(token, known);
    return value === undefined ? token : written(value);
  });
  return plain.replace(BASE64_RUN, (run) => {
    const opened = openBase64(run);
    if (opened === null || opened.text.search(TOKEN) < 0) return run;
    const whole = known(run);
    if (whole !== undefined) return whole;
    const restored = restoreText(opened.text, known);
    if (restored === opened.text) return run;
    // Whole groups do not tell whether others would have been padded; outside of urls most are.
    const isPadded = opened.isPadded || (run.length % 4 === 0 && !opened.isUrlSafe);
    return encodeLike(restored, { ...opened, isPadded });
  });
}

/** A request with the values of its tokens. */
export function restoreRequest<R extends RequestParts>(request: R, known: ValueOf): R {
  return {
    ...request,
    target: restoreText(request.target, known, encodeURIComponent),
    headers: restoreHeaders(request.headers, known),
    body: restoreBody(request.body, request.headers, known),
  };
}

/** A response with the values of its tokens. */
export function restoreResponse(response: HttpResponse, known: ValueOf): HttpResponse {
  const { headers, trailers, body } = response;
  return {
    ...response,
    headers: restoreHeaders(headers, known),
    ...(trailers ? { trailers: restoreHeaders(trailers, known) } : {}),
    body: restoreBody(body, headers, known),
  };
}

/** An address is known by one of its two spellings. */
function lookUp(token: string, known: ValueOf): string | undefined {
  const value = known(token);
  if (value !== undefined || !token.startsWith('u-')) return value;
  const spelled = token.includes('%40') ? token.replace('%40', '@') : token.replace('@', '%40');
  return known(spelled)?.replace(/%40/, '@');
}

function restoreHeaders(headers: HeaderList, known: ValueOf): HeaderList {
  return headers.map(([name, value]) => [name, restoreText(value, known)]);
}

function restoreBody(body: Body, headers: HeaderList, known: ValueOf): Body {
  const text = body.json === undefined ? (body.text ?? body.decoded) : JSON.stringify(body.json);
  if (!text) return body;
  const isForm = header(headers, 'content-type')?.startsWith('application/x-www-form-urlencoded');
  const written = isForm ? encodeURIComponent : bodyJson(body) === undefined ? asItIs : insideJson;
  const restored = restoreText(text, known, written);
  if (restored === text) return body;
  const bytes = Buffer.from(restored);
  if (body.base64 === undefined) return { size: bytes.length, encoding: body.encoding, text: restored };
  const wire = encoded(bytes, knownCodings(body.encoding), Buffer.from(body.base64, 'base64'));
  return { size: wire.length, encoding: body.encoding, base64: wire.toString('base64'), decoded: restored };
}
