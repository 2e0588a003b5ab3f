// Credentials and signatures other than JWT: AWS Signature Version 4, Basic, OAuth tokens, HMAC of a body, digests.
import { createHash, createHmac } from 'node:crypto';
import { bodyBytes, type HeaderList, header } from '@echoplane/traffic';
import aws4 from 'aws4';
import { z } from 'zod';
import { formatTime } from '../dates.ts';
import { readPair, writePair } from '../extract/message-line.ts';
import { defineFunction, defineMaker, text } from '../function-kind.ts';
import { type Draft, withValue } from '../message.ts';
import type { Run } from '../run.ts';
import { bytesOf, miss, sameValue, textOf, type Value } from '../value.ts';
import { json } from './json.ts';

export const awsSign = defineMaker(
  'aws-sign',
  'Signs a request again by AWS Signature Version 4, in its Authorization header or its query as recorded: run it last, with the extractor `empty`.',
  {
    accessKeyId: text().describe('`${{secret:aws/access-key-id}}`.'),
    secretAccessKey: text().describe('`${{secret:aws/secret-access-key}}`.'),
    sessionToken: text().optional().describe('Of temporary credentials.'),
    service: z.string().max(100).optional().describe('As recorded without it.'),
    region: z.string().max(100).optional().describe('As recorded without it.'),
  },
  (config, at) => {
    const id = at.text(config.accessKeyId);
    const secret = at.text(config.secretAccessKey);
    const token = config.sessionToken === undefined ? null : at.text(config.sessionToken);
    return (value, run) => {
      const recorded = recordedScope(run.draft);
      if (!recorded) return miss('the request carries no Signature Version 4');
      signRequest(run, {
        ...recorded,
        ...(config.service ? { service: config.service } : {}),
        ...(config.region ? { region: config.region } : {}),
        credentials: {
          accessKeyId: id.render(run),
          secretAccessKey: secret.render(run),
          ...(token ? { sessionToken: token.render(run) } : {}),
        },
      });
      return value;
    };
  },
);

/** The signer of `aws4`, whose declarations leave out what it takes: bytes, and the time. */
const Aws4Signer = aws4.RequestSigner as unknown as new (
  request: Record<string, unknown>,
  credentials: Signing['credentials'],
) => { datetime: string; sign(): { path: string; headers: Record<string, string> } };

interface Scope {
  region: string;
  service: string;
  signedHeaders: readonly string[];
  isQuery: boolean;
}

function recordedScope({ message: { request }, target }: Draft): Scope | null {
  const authorization = header(request.headers, 'authorization') ?? '';
  const inHeader = /^AWS4-HMAC-SHA256 .*Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+)/.exec(authorization);
  const credential = inHeader?.[1] ?? readPair(target.query, 'X-Amz-Credential', 0);
  const signed = inHeader?.[2] ?? readPair(target.query, 'X-Amz-SignedHeaders', 0);
  const [region, service] = credential?.split('/').slice(-3, -1) ?? [];
  if (!region || !service || !signed) return null;
  return { region, service, signedHeaders: signed.split(';'), isQuery: !inHeader };
}

interface Signing extends Scope {
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** Signed headers keep their values, but for the ones the signature itself is about. */
const OF_SIGNATURE = new Set(['authorization', 'x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256']);

function signRequest(run: Run, signing: Signing): void {
  const { draft, context } = run;
  const { request } = draft.message;
  const dated = formatTime(context.nowUs, 'compact');
  const body = bodyBytes(request.body);
  const headers: Record<string, string> = { host: header(request.headers, 'host') ?? request.host ?? '' };
  for (const [name, value] of request.headers) {
    const key = name.toLowerCase();
    if (!signing.signedHeaders.includes(key) || OF_SIGNATURE.has(key) || key === 'host') continue;
    headers[key] = headers[key] === undefined ? value : `${headers[key]},${value}`;
  }
  const hash = contentHash(request.headers, body);
  if (hash !== null) headers['x-amz-content-sha256'] = hash;
  const { sessionToken } = signing.credentials;
  if (!signing.isQuery) {
    headers['x-amz-date'] = dated;
    if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken;
  }
  const signer = new Aws4Signer(
    {
      ...{ method: request.method, service: signing.service, region: signing.region, headers },
      path: signing.isQuery ? unsignedTarget(draft, dated) : request.target,
      ...{ body, signQuery: signing.isQuery, doNotModifyHeaders: true },
      // What the client signed is signed again, also what the library would leave out.
      extraHeadersToInclude: Object.fromEntries(signing.signedHeaders.map((name) => [name, true])),
    },
    signing.credentials,
  );
  // Otherwise it asks the machine's clock.
  signer.datetime = dated;
  const signed = signer.sign();
  if (signing.isQuery) {
    draft.change('request', { target: signed.path });
    return;
  }
  let list = request.headers;
  if (sessionToken === undefined)
    list = list.filter(([name]) => name.toLowerCase() !== 'x-amz-security-token');
  const set = { ...signed.headers, authorization: authorizationOf(signed.headers) };
  for (const name of OF_SIGNATURE) {
    const value = (set as Record<string, string>)[name];
    if (value !== undefined) list = withValue(list, name, 0, value);
  }
  draft.change('request', { headers: list });
}

function authorizationOf(headers: Record<string, string>): string {
  return headers.Authorization ?? headers.authorization ?? '';
}

/** As recorded: a digest is made anew, words such as UNSIGNED-PAYLOAD stay. */
function contentHash(headers: HeaderList, body: Buffer): string | null {
  const recorded = header(headers, 'x-amz-content-sha256');
  if (recorded === undefined) return null;
  if (recorded.startsWith('STREAMING-')) return miss('chunked payloads (STREAMING-…) cannot be signed again');
  return /^[0-9a-f]{64}$/.test(recorded) ? createHash('sha256').update(body).digest('hex') : recorded;
}

/** The query without the old signature, its date moved to now. */
function unsignedTarget({ target: { path, query } }: Draft, dated: string): string {
  const drop = new Set([
    'X-Amz-Signature',
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Security-Token',
    'X-Amz-Algorithm',
    'X-Amz-SignedHeaders',
  ]);
  const kept = query.split('&').filter((pair) => pair !== '' && !drop.has(pair.split('=')[0]!));
  return `${path}?${[...kept, `X-Amz-Date=${dated}`].join('&')}`;
}

export const basicAuth = defineMaker(
  'basic-auth',
  'Puts other credentials into a Basic Authorization header.',
  {
    user: text().optional().describe('As recorded without it.'),
    password: text().optional().describe('`${{secret:name/key}}`; as recorded without it.'),
  },
  ({ user, password }, at) => {
    const [newUser, newPassword] = [user, password].map((part) =>
      part === undefined ? null : at.text(part),
    );
    return (value, run) => {
      const match = /^(basic +)([A-Za-z0-9+/]+={0,2})$/i.exec(textOf(value).trim());
      // A header that was redacted, or is to be added, has nothing to keep.
      if (!match && !(newUser && newPassword)) return miss('the value is no Basic credential');
      const plain = match ? Buffer.from(match[2]!, 'base64').toString('utf8') : ':';
      const colon = plain.indexOf(':');
      const parts = [
        newUser ? newUser.render(run) : plain.slice(0, colon),
        newPassword ? newPassword.render(run) : plain.slice(colon + 1),
      ];
      return `${match?.[1] ?? 'Basic '}${Buffer.from(parts.join(':'), 'utf8').toString('base64')}`;
    };
  },
);

export const oauthToken = defineFunction(
  'oauth-token',
  'Opens a token in an OAuth request or response, be it JSON or a form.',
  {
    field: z
      .enum(['access_token', 'refresh_token', 'id_token', 'client_secret', 'client_assertion', 'code'])
      .default('access_token')
      .describe('Which one.'),
  },
  ({ field }, at) => {
    const inJson = json.compile({ path: field, create: false }, at);
    return (value, run, next) => {
      const source = textOf(value);
      if (/^\s*\{/.test(source)) return inJson(value, run, next);
      const token = readPair(source, field, 0);
      if (token === undefined) return miss(`there is no ${field}`);
      const made = run.window(`.${field}`, token, next);
      return sameValue(made, token) ? value : writePair(source, field, 0, textOf(made));
    };
  },
);

const ALGORITHMS = ['sha1', 'sha256', 'sha384', 'sha512', 'md5'] as const;
const ENCODINGS = ['hex', 'base64', 'base64url'] as const;

export const hmac = defineMaker(
  'hmac',
  'Puts an HMAC in place of the value, as webhooks are signed: of the body as it is sent, or of the value.',
  {
    key: text().describe('The secret, `${{secret:name/key}}`.'),
    algorithm: z.enum(ALGORITHMS).default('sha256').describe('The digest.'),
    encoding: z.enum(ENCODINGS).default('hex').describe('How it is written.'),
    prefix: text().default('').describe('What stands before it, `sha256=`.'),
    of: z.enum(['body', 'value']).default('body').describe('What is signed.'),
    before: text().default('').describe('What is signed before that, `${{now:epoch}}.`.'),
  },
  (config, at) => {
    const [key, before, prefix] = [at.text(config.key), at.text(config.before), at.text(config.prefix)];
    return (value, run) => {
      const signed = createHmac(config.algorithm, key.render(run)).update(before.render(run, value));
      signed.update(config.of === 'body' ? wireBody(run.draft, at.side) : bytesOf(value));
      return prefix.render(run, value) + signed.digest(config.encoding);
    };
  },
);

function wireBody(draft: Draft, side: 'request' | 'response'): Buffer {
  const body = draft.side(side)?.body;
  return body ? bodyBytes(body) : miss('there is no body to sign');
}

export const hash = defineMaker(
  'hash',
  'Puts the digest of the value in its place.',
  {
    algorithm: z.enum(ALGORITHMS).default('sha256').describe('The digest.'),
    encoding: z.enum(ENCODINGS).default('hex').describe('How it is written.'),
  },
  ({ algorithm, encoding }) =>
    (value: Value) =>
      createHash(algorithm).update(bytesOf(value)).digest(encoding),
);
