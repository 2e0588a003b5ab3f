// Turns what was sighted into recommendations: a sentence what to do, the evidence, and the chains that do it. Secrets and
// data sets are named, never shown.
import {
  NO_TRANSFORMS,
  parseTransforms,
  type Recommendation,
  type TransformsDocument,
} from '@echoplane/transforms';
import { type Group, recommendationId } from './recommend-sightings.ts';

/** A JWKS document that a mocked dependency serves. */
export interface KeySet {
  host: string;
  path: string;
  kids: readonly string[];
}

/** What the groups are judged with. */
export interface Facts {
  keySets: readonly KeySet[];
  /** Last request of the recording, µs since the epoch. */
  lastUs: number;
}

type Advice = Pick<Recommendation, 'title' | 'why'> &
  Partial<Pick<Recommendation, 'needs' | 'document' | 'compare' | 'kind'>>;

/** Null: seen too rarely to say anything. */
export function adviseOn(group: Group, facts: Facts): Recommendation | null {
  const advice = ADVICE[group.kind](group, facts);
  if (!advice) return null;
  const { kind = group.kind, needs = [], document = null, compare, ...texts } = advice;
  const made = {
    id: recommendationId(kind, group.key),
    kind,
    ...texts,
    count: group.count,
    endpoints: group.endpoints,
  };
  return { ...made, needs, document, ...(compare ? { compare } : {}) };
}

const ADVICE: Record<Recommendation['kind'], (group: Group, facts: Facts) => Advice | null> = {
  'jwt-resign': jwtAdvice,
  'jwks-swap': jwtAdvice,
  oauth: oauthAdvice,
  'basic-auth': basicAdvice,
  'api-key': apiKeyAdvice,
  'aws-sign': awsAdvice,
  csrf: csrfAdvice,
  // Shifted without being asked (client-times.ts); recommendations of older snapshots may be of it.
  'shift-time': () => null,
  'request-id': requestIdAdvice,
  'redacted-credential': redactedAdvice,
  'unordered-array': unorderedAdvice,
  'volatile-field': volatileAdvice,
};

function jwtAdvice(group: Group, { keySets, lastUs }: Facts): Advice {
  const { path = '', alg = '', kid = '', iss = '', exp = '' } = group.detail;
  const expiry = /^\d+(\.\d+)?$/.test(exp) ? `, valid until ${isoSeconds(Number(exp))}` : '';
  const issuer = iss === '' ? '' : ` of ${iss}`;
  const why = `${requests(group)} carry a JSON Web Token${issuer} (${alg || 'no algorithm'}${expiry}) at ${path} that no recorded response hands out: ${tokens(group)}.${expired(exp, lastUs)}`;
  const keySet = alg.startsWith('HS') ? undefined : keySetOf(keySets, kid);
  if (keySet) return jwksAdvice(group, keySet, why);
  const name = slug(`jwt-${iss || 'signing'}`);
  return {
    title: `Sign the tokens at ${path} again, with their times moved to now`,
    why,
    needs: [{ kind: 'secret', name: `replay/${name}`, what: keyOfAlgorithm(alg) }],
    document: chains(group, [
      {
        ...{ at: 'generator-request', extract: { name: 'pair', path: `request.${path}` } },
        functions: [{ name: 'jwt-resign', key: secret(name) }],
      },
    ]),
  };
}

/** The service takes its keys from a mock: a key pair of the replay takes their place on both sides. */
function jwksAdvice(group: Group, { host, path }: KeySet, why: string): Advice {
  const { path: at = '', alg = 'RS256', kid = '' } = group.detail;
  const key = secret('signing-key');
  return {
    kind: 'jwks-swap',
    title: `Sign the tokens at ${at} by a key of the replay, which the mock of ${host}${path} then serves`,
    why: `${why} The service fetches the keys from ${host}${path}, which is mocked, so no key of the issuer is needed.`,
    needs: [
      { kind: 'secret', name: 'replay/signing-key', what: `a private key for ${alg}; a replay can make it` },
    ],
    document: chains(group, [
      {
        ...{ at: 'generator-request', extract: { name: 'pair', path: `request.${at}` } },
        functions: [{ name: 'jwt-resign', key, ...(kid === '' ? { kid: 'replay' } : {}) }],
      },
      {
        ...{
          at: 'responder-response',
          when: `host == ${JSON.stringify(host)} && path == ${JSON.stringify(path)}`,
        },
        ...{
          extract: { name: 'body' },
          functions: [{ name: 'jwks-swap', key, kid: kid || 'replay', alg: alg || 'RS256' }],
        },
      },
    ]),
  };
}

function keySetOf(keySets: readonly KeySet[], kid: string): KeySet | undefined {
  return keySets.find(({ kids }) => kids.includes(kid)) ?? (kid === '' ? keySets[0] : undefined);
}

function oauthAdvice(group: Group): Advice {
  const { grant = '', host = '', endpoint = '', secret: field = '', expires = '', direction } = group.detail;
  const life = expires === '' ? '' : ` Its tokens live ${expires} s.`;
  const why = `${requests(group)} ask ${host}${endpoint} for a token by ${grant}.${life}`;
  if (direction === 'OUT')
    return {
      title: `Nothing to do: the mock of ${host} hands out the token of the recording`,
      why: `${why} The service gets its token from a mock, and mocks do not check it.`,
    };
  if (field === '') return { title: 'Nothing to do: the token of the answer is followed by itself', why };
  const name = slug(`oauth-${host}`);
  return {
    title: `Give the client secret that ${endpoint} checks`,
    why: `${why} The live token is followed by itself once the handshake succeeds.`,
    needs: [{ kind: 'secret', name: `replay/${name}`, what: 'the client secret' }],
    document: chains(group, [
      {
        ...{ at: 'generator-request', when: onEndpoint(endpoint) },
        ...{
          extract: { name: 'body' },
          functions: [
            { name: 'oauth-token', field },
            { name: 'constant', value: secret(name) },
          ],
        },
      },
    ]),
  };
}

function basicAdvice(group: Group): Advice | null {
  const several = group.values > 1;
  const why = `${requests(group)} to ${group.detail.host} carry Basic credentials (${count(group.values, 'different one')}).`;
  if (group.detail.isRedacted !== 'true')
    return { title: 'Nothing to do: the recorded Basic credentials are sent as they are', why };
  const extract = { name: 'header', header: 'authorization' };
  const by = several
    ? { name: 'csv-lookup', data: 'credentials', field: 'value' }
    : { name: 'basic-auth', user: secret('basic', 'user'), password: secret('basic', 'password') };
  return {
    title: 'Give the Basic credentials that redaction took away',
    why,
    needs: several
      ? [{ kind: 'data', name: 'credentials', what: CREDENTIALS_DATA }]
      : [
          { kind: 'secret', name: 'basic/user', what: 'the user name' },
          { kind: 'secret', name: 'basic/password', what: 'the password' },
        ],
    document: chains(group, [{ at: 'generator-request', extract, functions: [by] }]),
  };
}

const CREDENTIALS_DATA =
  'a line for each recorded value (first column) with the one that is sent (column value)';

function apiKeyAdvice(group: Group): Advice {
  const { path = '', name: field = '' } = group.detail;
  const why = `${requests(group)} carry a key at ${path} (${count(group.values, 'different one')}) that no recorded response hands out.`;
  return {
    title: `Give the API key at ${path}, if the service under test has another one`,
    why,
    ...given(group, path, slug(field)),
  };
}

function redactedAdvice(group: Group): Advice {
  const { path = '', what = 'credential' } = group.detail;
  const why = `Redaction took a ${what} away at ${path} in ${requests(group)} (${count(group.values, 'different one')}); where there is no vault it must be given.`;
  return { title: `Give the ${what} at ${path}`, why, ...given(group, path, slug(path)) };
}

/** One value is a secret; several are a data set that has the live value of each. */
function given(group: Group, path: string, name: string): Pick<Advice, 'needs' | 'document'> {
  const extract = { name: 'pair', path: `request.${path}` };
  const isOne = group.values <= 1;
  const by = isOne
    ? { name: 'constant', value: secret(name) }
    : { name: 'csv-lookup', data: 'credentials', field: 'value' };
  return {
    needs: isOne
      ? [{ kind: 'secret', name: `replay/${name}`, what: `the value that is sent at ${path}` }]
      : [{ kind: 'data', name: 'credentials', what: CREDENTIALS_DATA }],
    document: chains(group, [{ at: 'generator-request', extract, functions: [by] }]),
  };
}

function awsAdvice(group: Group): Advice {
  const { service, region } = group.detail;
  return {
    title: 'Sign the requests again by AWS Signature Version 4',
    why: `${requests(group)} carry a signature for ${service} in ${region}; it is bound to the time of the recording and fails after minutes.`,
    needs: [
      { kind: 'secret', name: 'aws/access-key-id', what: 'the id of the access key' },
      { kind: 'secret', name: 'aws/secret-access-key', what: 'the access key' },
    ],
    document: chains(group, [
      {
        ...{ at: 'generator-request', extract: { name: 'empty' } },
        functions: [
          {
            name: 'aws-sign',
            accessKeyId: secret('access-key-id', undefined, 'aws'),
            secretAccessKey: secret('secret-access-key', undefined, 'aws'),
          },
        ],
      },
    ]),
  };
}

function csrfAdvice(group: Group): Advice {
  return {
    title: 'Nothing to do: CSRF tokens are followed by themselves',
    why: `${requests(group)} send a CSRF token at ${group.detail.path}; the live one is taken from the answer that gives it out.`,
  };
}

/** A condition on the path, since templates may be ones that the filter language does not know. */
function onEndpoint(endpoint: string): string {
  if (!endpoint.includes('{')) return `path == ${JSON.stringify(endpoint)}`;
  const pattern = endpoint
    .split(/\{[^}/]*\}/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^/]+');
  return `path.matches(${JSON.stringify(`^${pattern}$`)})`;
}

function requestIdAdvice(group: Group): Advice | null {
  if (group.values < 2) return null;
  const { path = '', kind = '', length = '' } = group.detail;
  const make =
    kind === 'uuid'
      ? { name: 'uuid' }
      : {
          name: 'random-string',
          pattern: `[${kind === 'hex' ? '0-9a-f' : 'A-Za-z0-9'}]{${Math.min(Number(length), 200)}}`,
        };
  return {
    title: `Make a new id at ${path} for each run`,
    why: `${requests(group)} carry an id of their own at ${path} (${count(group.values, 'different one')}), made by the client; a service that remembers them would take a replay for a repetition.`,
    document: chains(group, [
      {
        ...{ at: 'generator-request', extract: { name: 'pair', path: `request.${path}` } },
        // A request that was repeated with the same id is repeated with the same new one.
        functions: [make, { name: 'smart-replace' }],
      },
    ]),
  };
}

function unorderedAdvice(group: Group): Advice {
  const { method = '', endpoint = '', path = '' } = group.detail;
  return {
    title: `Compare ${path} of ${method} ${endpoint} without regard to order`,
    why: `${count(group.count, 'answer')} to equal requests had the same elements at ${path} in another order.`,
    compare: { volatile: [], unordered: [{ method, endpoint, path }] },
  };
}

function volatileAdvice(group: Group): Advice {
  const { method = '', endpoint = '', path = '' } = group.detail;
  return {
    title: `Compare ${path} of ${method} ${endpoint} by kind only`,
    why: `${count(group.count, 'answer')} to equal requests, with no write in between, had another value at ${path}.`,
    compare: { volatile: [{ method, endpoint, path, kind: 'measure' }], unordered: [] },
  };
}

function chains(group: Group, list: readonly object[]): TransformsDocument {
  const id = recommendationId(group.kind, group.key);
  const made = list.map((chain, i) => ({ id: list.length > 1 ? `${id}.${i + 1}` : id, ...chain }));
  return list.length === 0 ? NO_TRANSFORMS : parseTransforms({ v: 1, chains: made });
}

function secret(name: string, key?: string, group = 'replay'): string {
  return key === undefined ? `\${{secret:${group}/${name}}}` : `\${{secret:${name}/${key}}}`;
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 60) || 'value'
  );
}

function keyOfAlgorithm(alg: string): string {
  return alg.startsWith('HS')
    ? `the secret the service checks ${alg} with`
    : `a private key for ${alg || 'the tokens'} that the service trusts (PEM or JWK)`;
}

function requests(group: Group): string {
  const where = group.endpoints.length;
  return `${count(group.count, 'request')} (${count(where, 'endpoint')})`;
}

function tokens(group: Group): string {
  return count(group.values, 'different one');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function isoSeconds(seconds: number): string {
  return seconds < 1e11 ? new Date(seconds * 1e3).toISOString().slice(0, 19).concat('Z') : 'a far future';
}

function expired(exp: string, lastUs: number): string {
  if (!/^\d+(\.\d+)?$/.test(exp)) return '';
  const hours = (Number(exp) * 1e6 - lastUs) / 3.6e9;
  if (hours > 24 * 30) return '';
  return ` It expires ${hours <= 0 ? 'before the recording ends' : `${Math.max(1, Math.round(hours))} h after the recording`}.`;
}
