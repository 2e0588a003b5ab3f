// Finds credentials in requests that no recorded response gave out: they were issued elsewhere, so a replay must make them
// anew or be told them. It must not know what is recommended then.
import { isRedacted, kindOf, type Leaf } from '@echoplane/replay';
import { bodyJson, header } from '@echoplane/traffic';
import { readToken } from '@echoplane/transforms';
import type { Exchange, Sighting } from './recommend-sightings.ts';

const API_KEY = /^(?:x-)?(?:[a-z]+-)?(?:api|app|access|subscription|auth)[-_]?(?:key|token)$/i;
const CSRF =
  /(?:^|\.)(?:x-)?(?:csrf|xsrf)(?:-?token)?$|(?:^|\.)_csrf$|authenticity_token$|csrfmiddlewaretoken$|__RequestVerificationToken$/i;
const SECRET_KINDS = new Set(['credential', 'password', 'secret', 'private-key', 'jwt']);
const MIN_KEY_CHARS = 16;

/** The credentials of one request. */
export function credentialsIn(exchange: Exchange): Sighting[] {
  const sightings: Sighting[] = [];
  const explained = new Set<string>();
  for (const leaf of exchange.leaves) {
    const sighting = credentialAt(leaf, exchange);
    if (!sighting) continue;
    explained.add(leaf.path);
    sightings.push(sighting);
  }
  const aws = awsSignature(exchange);
  if (aws) sightings.push(aws);
  const oauth = oauthHandshake(exchange);
  if (oauth) sightings.push(oauth);
  for (const redacted of redactedCredentials(exchange, explained)) sightings.push(redacted);
  return sightings;
}

function credentialAt({ path, value }: Leaf, exchange: Exchange): Sighting | null {
  if (typeof value !== 'string' || value.length < 4) return null;
  if (CSRF.test(path)) return { kind: 'csrf', key: path, value, detail: { path } };
  // What the service itself sends is answered by mocks, which do not check credentials.
  if (exchange.pair.direction === 'OUT') return null;
  const jwt = jwtAt(path, value, exchange);
  if (jwt) return jwt;
  if (path === 'header.authorization' && /^basic /i.test(value)) {
    return {
      kind: 'basic-auth',
      key: exchange.host,
      value,
      detail: { host: exchange.host, isRedacted: String(value.includes('rdx_')) },
    };
  }
  const name = /^(?:header|query|cookie)\.([^.[\]#]+)$/.exec(path)?.[1];
  if (!name || !API_KEY.test(name) || exchange.isHandedOut(value) || !looksSecret(value)) return null;
  return { kind: 'api-key', key: path, value, detail: { path, name } };
}

/** A token that the recording does not hand out; grouped by place, issuer and algorithm. */
function jwtAt(path: string, value: string, exchange: Exchange): Sighting | null {
  if (!/(?:^|\s)ey[\w-]+\.[\w-]+\./.test(value)) return null;
  const bare = value.replace(/^\w+ +/, '');
  if (exchange.isHandedOut(bare)) return null;
  const claims = jwtParts(value);
  if (!claims) return null;
  const { alg, kid, iss, exp } = claims;
  return {
    kind: 'jwt-resign',
    key: `${path} ${iss} ${alg} ${kid}`,
    value: bare,
    detail: { path, alg, kid, iss, exp },
  };
}

function jwtParts(value: string): Record<'alg' | 'kid' | 'iss' | 'exp', string> | null {
  try {
    const token = readToken(value);
    const { alg, kid } = JSON.parse(token.header) as Record<string, unknown>;
    const { iss, exp } = JSON.parse(token.claims) as Record<string, unknown>;
    const text = (part: unknown) =>
      typeof part === 'string' || typeof part === 'number' ? String(part) : '';
    return { alg: text(alg), kid: text(kid), iss: text(iss), exp: text(exp) };
  } catch {
    return null;
  }
}

function looksSecret(value: string): boolean {
  if (isRedacted(value)) return true;
  if (value.length < MIN_KEY_CHARS) return false;
  return kindOf(value) !== null || (/\d/.test(value) && entropyBits(value) >= 3);
}

/** Bits per character (Shannon): words are below 3, random ones above. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

function awsSignature({ pair, request, host }: Exchange): Sighting | null {
  if (pair.direction === 'OUT') return null;
  const authorization = header(request.headers, 'authorization') ?? '';
  const inHeader = /^AWS4-HMAC-SHA256 .*Credential=([^,\s]+)/.exec(authorization)?.[1];
  const inQuery = /[?&]X-Amz-Credential=([^&]+)/.exec(request.url)?.[1]?.replaceAll('%2F', '/');
  const credential = inHeader ?? inQuery;
  if (!credential) return null;
  const [region = '', service = ''] = credential.split('/').slice(-3, -1);
  return {
    kind: 'aws-sign',
    key: `${host} ${service} ${region}`,
    value: credential,
    detail: { host, region, service },
  };
}

function oauthHandshake({ pair, leaves, host, endpoint }: Exchange): Sighting | null {
  const at = (name: string) => leaves.find(({ path }) => path === `body.${name}`)?.value;
  const grant = at('grant_type');
  if (typeof grant !== 'string' || !/^[\w:.-]{1,100}$/.test(grant)) return null;
  const secret = at('client_secret') === undefined ? '' : 'client_secret';
  const answer = pair.response
    ? (bodyJson(pair.response.body) as { expires_in?: unknown } | undefined)
    : undefined;
  const expires = typeof answer?.expires_in === 'number' ? String(answer.expires_in) : '';
  const detail = { grant, host, endpoint, secret, expires, direction: pair.direction };
  return { kind: 'oauth', key: `${pair.direction} ${host} ${endpoint} ${grant}`, detail };
}

/** What redaction took away and no other finding explains: a secret must be given, where there is no vault. */
function* redactedCredentials(
  { pair, leaves, isHandedOut }: Exchange,
  explained: ReadonlySet<string>,
): Generator<Sighting> {
  if (pair.direction === 'OUT') return;
  for (const { path, kind } of pair.redactions) {
    if (!SECRET_KINDS.has(kind) || !path.startsWith('request.')) continue;
    const leaf = path
      .slice('request.'.length)
      .replace(/^url\.(query|path)/, '$1')
      .replace(/^header\.cookie\./, 'cookie.');
    const value = leaves.find((known) => known.path === leaf)?.value;
    if (explained.has(leaf) || typeof value !== 'string') continue;
    // Behind a scheme (`Bearer …`) only the credential itself is asked for.
    const bare = value.replace(/^\w+ +/, '');
    if (isHandedOut(value) || isHandedOut(bare)) continue;
    const at = bare === value ? leaf : `${leaf}#1`;
    yield { kind: 'redacted-credential', key: at, value: bare, detail: { path: at, what: kind } };
  }
}
