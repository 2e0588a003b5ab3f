// JSON Web Tokens: open claims or header, sign again, swap the keys a mocked JWKS endpoint serves.
import { z } from 'zod';
import { durationUs } from '../dates.ts';
import { defineFunction, defineMaker, text } from '../function-kind.ts';
import { compileJsonPath } from '../json-path.ts';
import { addAt, parseJson, putAt, sourceAt } from '../json-source.ts';
import type { Run } from '../run.ts';
import type { Template } from '../template.ts';
import { JsonText, miss, sameValue, textOf, type Value } from '../value.ts';
import { json } from './json.ts';
import { JWT_ALGORITHMS, jwsSignature, keyCache, publicJwk } from './keys.ts';

/** A token, perhaps behind a scheme: `Bearer eyJ…`. */
const TOKEN = /^(\w{1,30} +)?([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)$/;

interface Token {
  scheme: string;
  header: string;
  claims: string;
  signature: string;
}

export function readToken(value: Value): Token {
  const match = TOKEN.exec(textOf(value).trim());
  const [, scheme = '', header = '', claims = '', signature = ''] = match ?? [];
  const token = { scheme, header: opened(header), claims: opened(claims), signature };
  if (!match || !token.header.startsWith('{') || !token.claims.startsWith('{'))
    return miss('the value is no JSON Web Token');
  return token;
}

function opened(part: string): string {
  return Buffer.from(part, 'base64url').toString('utf8');
}

function encoded(part: string): string {
  return Buffer.from(part, 'utf8').toString('base64url');
}

export const jwt = defineFunction(
  'jwt',
  'Opens a value of a JSON Web Token, also behind `Bearer `. The signature stays: sign again with jwt-resign where it is checked.',
  {
    path: z
      .string()
      .regex(/^(claims|header)(\..+)?$/, 'begins with claims or header')
      .describe('`claims.exp`, `header.kid`, or `claims` for all of them.'),
    create: z.boolean().default(false).describe('Adds the claim, as null, when it is not there.'),
  },
  ({ path, create }, at) => {
    const [part, ...rest] = path.split('.') as ['claims' | 'header', ...string[]];
    const inner = rest.length > 0 ? json.compile({ path: rest.join('.'), create }, at) : null;
    return (value, run, next) => {
      const token = readToken(value);
      const source = token[part];
      parseJson(source);
      const made = run.window(`.jwt.${part}`, new JsonText(source), (opened) =>
        inner ? inner(opened, run, next) : next(opened),
      );
      if (sameValue(made, new JsonText(source))) return value;
      const changed = { ...token, [part]: textOf(made) };
      return `${token.scheme}${encoded(changed.header)}.${encoded(changed.claims)}.${token.signature}`;
    };
  },
);

const claim = (what: string) => text().optional().describe(`${what}; as recorded without it.`);
const time = (what: string) =>
  z
    .string()
    .max(100)
    .default('shift')
    .describe(
      `${what}: \`shift\` by what passed since the recording, \`keep\`, or a duration from now such as \`48h\`.`,
    );

export const jwtResign = defineMaker(
  'jwt-resign',
  'Signs a JSON Web Token again, also behind `Bearer `: its times moved to now, claims set, with the key of the service under test.',
  {
    key: text().describe('PEM, JWK or shared secret: `${{secret:name/key}}`.'),
    alg: z.enum(JWT_ALGORITHMS).optional().describe('The algorithm; that of the token without it.'),
    iat: time('When it was issued'),
    exp: time('When it expires'),
    nbf: time('From when it holds'),
    iss: claim('Issuer'),
    aud: claim('Audience'),
    sub: claim('Subject'),
    kid: claim('Id of the key, in the header'),
    claims: z
      .record(z.string(), z.json())
      .default({})
      .describe('Further claims; texts may hold embedded values.'),
  },
  (config, at) => {
    const keys = keyCache();
    const key = at.text(config.key);
    const times = (['iat', 'exp', 'nbf'] as const).map((name) => [name, timeOf(config[name])] as const);
    const set = Object.entries({ ...given(config, ['iss', 'aud', 'sub']), ...config.claims }).map(
      ([name, value]) => [name, typeof value === 'string' ? at.text(value) : value] as const,
    );
    const kid = config.kid === undefined ? null : at.text(config.kid);
    return (value, run) => {
      const token = readToken(value);
      let claims = token.claims;
      for (const [name, move] of times) claims = moveTime(claims, name, move, run);
      for (const [name, to] of set) claims = put(claims, name, JSON.stringify(rendered(to, run)));
      let header = token.header;
      if (kid) header = put(header, 'kid', JSON.stringify(kid.render(run)));
      if (config.alg) header = put(header, 'alg', JSON.stringify(config.alg));
      const { alg } = parseJson(header) as { alg?: unknown };
      const input = `${encoded(header)}.${encoded(claims)}`;
      return `${token.scheme}${input}.${jwsSignature(String(alg), input, key.render(run), keys)}`;
    };
  },
);

function given<K extends string>(config: Partial<Record<K, string | undefined>>, names: readonly K[]) {
  return Object.fromEntries(
    names.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])),
  );
}

type RenderedText = Template | Exclude<z.output<ReturnType<typeof z.json>>, string>;

function rendered(value: RenderedText, run: Run): unknown {
  return typeof value === 'object' && value !== null && 'render' in value
    ? (value as Template).render(run)
    : value;
}

type Move = 'shift' | 'keep' | { fromNowUs: number };

function timeOf(text: string): Move {
  return text === 'shift' || text === 'keep' ? text : { fromNowUs: durationUs(text) };
}

/** Numeric dates are seconds, perhaps with a fraction; a time that is not in the token is only added when it is set. */
function moveTime(claims: string, name: string, move: Move, { context }: Run): string {
  const before = sourceAt(claims, [name]);
  if (typeof move === 'object')
    return put(claims, name, String(Math.floor((context.nowUs + move.fromNowUs) / 1e6)));
  if (move === 'keep' || before === undefined || !/^\d+(\.\d+)?$/.test(before)) return claims;
  const decimals = before.split('.')[1]?.length ?? 0;
  return put(claims, name, (Number(before) + Math.round(context.shiftUs / 1e6)).toFixed(decimals));
}

function put(source: string, name: string, spelling: string): string {
  parseJson(source);
  return sourceAt(source, [name]) === undefined
    ? addAt(source, [], name, spelling)
    : putAt(source, [{ location: [name], spelling }]);
}

export const jwksSwap = defineMaker(
  'jwks-swap',
  'Puts the public half of a key into the answer of a JWKS endpoint, in place of the key with the same id, or beside those that are there.',
  {
    key: text().describe('The private key, PEM or JWK, by which jwt-resign signs: `${{secret:name/key}}`.'),
    kid: text().describe('Id of the key, as tokens name it.'),
    alg: z.enum(JWT_ALGORITHMS).default('RS256').describe('The algorithm of the key.'),
  },
  (config, at) => {
    const keys = keyCache();
    const [key, kid] = [at.text(config.key), at.text(config.kid)];
    const all = compileJsonPath('keys.*');
    return (value, run) => {
      const source = textOf(value);
      const root = parseJson(source) as { keys?: unknown };
      if (!Array.isArray(root?.keys)) return miss('the value is no JWKS document');
      const id = kid.render(run);
      const spelling = JSON.stringify(publicJwk(key.render(run), id, config.alg, keys));
      const served = root.keys as { kid?: unknown }[];
      const location = all(root)[served.findIndex((jwk) => jwk?.kid === id)];
      return location ? putAt(source, [{ location, spelling }]) : addAt(source, ['keys'], null, spelling);
    };
  },
);
