// Tokens: generated values followed from the answer that made them to the requests that send them back.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { jwtOf, record, secretOf, uuidOf } from './exchanges.fixture.ts';

const consumersOf = (analysis: ReturnType<typeof analyze>, value: string) =>
  analysis.tokens.find((token) => token.value === value)?.consumers.map(({ path }) => path);

test('a value is followed into another session, url, header and body', () => {
  const [id, ann, bob] = [uuidOf('doc'), jwtOf({ sub: 'ann' }), jwtOf({ sub: 'bob' })];
  const as = (token: string): [string, string][] => [['Authorization', `Bearer ${token}`]];
  const analysis = analyze(
    record([
      { request: 'POST /login', body: { user: 'ann-of-green-gables' }, answer: { token: ann } },
      { request: 'POST /login', body: { user: 'bob-the-builder' }, answer: { token: bob } },
      { request: 'POST /docs', headers: as(ann), body: { n: 1 }, status: 201, answer: { id } },
      { request: `GET /docs/${id}?share=${id}`, headers: as(bob), answer: { id } },
      {
        request: 'POST /links',
        headers: [...as(bob), ['If-Match', `"${id}"`]],
        body: { target: `/docs/${id}` },
      },
    ]),
  );
  expect(analysis.tests.map(({ session }) => session)).toEqual(['s1', 's2', 's1', 's2', 's2']);
  expect(consumersOf(analysis, id)).toEqual(['path[1]', 'query.share', 'body.target#1', 'header.if-match#0']);
  expect(analysis.tokens.find(({ value }) => value === id)).toMatchObject({
    ...{ kind: 'uuid', session: 's1', producer: { test: analysis.tests[2]!.id, path: 'body.id' } },
    evidence: `${id.slice(0, 12)}… (uuid) first appears in the response of POST /docs at body.id and is sent back by 4 later requests`,
  });
});

test('the id and the secret of a client are followed into its Basic credentials', () => {
  const [id, secret] = [uuidOf('client'), `rdx_${secretOf('client').slice(0, 20).toLowerCase()}`];
  const basic = (name: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
  const analysis = analyze(
    record([
      { request: 'POST /clients', body: { name: 'shop' }, status: 201, answer: { id, secret } },
      { request: 'POST /token', headers: [['Authorization', basic(id)]], answer: { scope: 'all' } },
    ]),
  );
  expect(consumersOf(analysis, id)).toEqual(['header.authorization#1!b64#0']);
  expect(consumersOf(analysis, secret)).toEqual(['header.authorization#1!b64#1']);
});

test.each([
  ['a scheme', 'Authorization', 'Session ', 'header.authorization#1!b64#2'],
  ['a header', 'X-Shop-Auth', '', 'header.x-shop-auth!b64#2'],
])('a secret is followed behind %s of the service itself', (_, header, scheme, path) => {
  const secret = `rdx_${secretOf('session').slice(0, 20).toLowerCase()}`;
  const glued = `${scheme}${Buffer.from(`mia:7:${secret}`).toString('base64')}`;
  const analysis = analyze(
    record([
      { request: 'POST /enter', body: { name: 'mia' }, answer: { result: [7, secret, null] } },
      { request: 'POST /rpc', headers: [[header, glued]], answer: { scope: 'all' } },
    ]),
  );
  expect(consumersOf(analysis, secret)).toEqual([path]);
});

test('what a client sent first is its own, whoever repeats it', () => {
  const key = uuidOf('idempotency');
  const analysis = analyze(
    record([
      { request: 'POST /orders', headers: [['Idempotency-Key', key]], body: { n: 1 }, answer: { key } },
      { request: `GET /orders/by-key/${key}`, answer: {} },
    ]),
  );
  expect(analysis.tokens).toEqual([]);
});

test('what a client sent whose session began before the recording is the service’s, who shows it to a new one', () => {
  const [id, old, mine] = [uuidOf('product'), jwtOf({ sub: 'old' }), jwtOf({ sub: 'new' })];
  const as = (token: string): [string, string][] => [['Authorization', `Bearer ${token}`]];
  const analysis = analyze(
    record([
      { request: 'POST /cart', headers: as(old), body: { product: id }, answer: { product: id } },
      { request: 'GET /cart', headers: as(old), answer: { items: [id] } },
      { request: 'POST /login', body: { user: 'bob-the-builder' }, answer: { token: mine } },
      { request: 'GET /products', headers: as(mine), answer: [{ id }] },
      { request: 'GET /products', headers: as(mine), answer: [{ id }] },
      { request: `GET /products/${id}`, headers: as(mine), answer: { id } },
    ]),
  );
  expect(analysis.tests.map(({ headless }) => headless)).toEqual([true, true, false, false, false, false]);
  const token = analysis.tokens.find(({ value }) => value === id)!;
  expect(token.producer).toEqual({ test: analysis.tests[3]!.id, path: 'body[0].id' });
  expect(analysis.tests.map(({ produces }) => produces.some((one) => one.token === token.id))).toEqual([
    ...[false, false, false, true, false, false],
  ]);
  expect(analysis.tests[5]!.consumes).toContain(token.id);
});

test('an answer that had not come when a request was sent gave it nothing', () => {
  const id = uuidOf('late');
  const pairs = record([
    {
      request: 'POST /slow',
      body: { n: 1 },
      answer: { id },
      change: { durationUs: 900_000, ttfbUs: 800_000 },
    },
    { request: `GET /things/${id}`, answer: {} },
  ]);
  expect(analyze(pairs).tokens).toEqual([]);
});

test('ids of tokens are the same when the recording is analyzed again, in any order', () => {
  const pairs = record([
    { request: 'POST /a', body: {}, answer: { id: uuidOf('1'), key: secretOf('1') } },
    { request: `GET /a/${uuidOf('1')}?key=${secretOf('1')}` },
  ]);
  const ids = analyze(pairs).tokens.map(({ id }) => id);
  expect(ids).toHaveLength(2);
  expect(analyze(pairs.toReversed()).tokens.map(({ id }) => id)).toEqual(ids);
});

test('a token in a cookie and one in a header of a form are followed', () => {
  const csrf = secretOf('csrf');
  const analysis = analyze(
    record([
      {
        request: 'GET /form',
        answer: `<!doctype html><html><body><form method="post"><input type="hidden" name="csrf" value="${csrf}"></form></body></html>`,
        answerHeaders: [['Content-Type', 'text/html']],
      },
      {
        ...{ request: 'POST /form', body: `csrf=${csrf}&name=x` },
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      },
    ]),
  );
  expect(analysis.tokens.map(({ value, consumers }) => [value, consumers.map(({ path }) => path)])).toEqual([
    [csrf, ['body.csrf']],
  ]);
});

test('a value glued of several generated ones is followed as a whole, into a form too', () => {
  const [code, state, client] = [uuidOf('code'), uuidOf('session'), uuidOf('client')];
  const glued = `${code}.${state}.${client}`;
  const analysis = analyze(
    record([
      {
        request: 'POST /signin',
        body: { user: 'ann' },
        status: 302,
        answerHeaders: [['Location', `http://web/back?code=${glued}&state=${state}`]],
      },
      {
        ...{ request: 'POST /token', body: `grant_type=authorization_code&code=${glued}` },
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      },
    ]),
  );
  expect(analysis.tokens.map(({ value, producer }) => [value, producer.path])).toEqual([
    [glued, 'header.location#4'],
  ]);
  expect(consumersOf(analysis, glued)).toEqual(['body.code']);
  expect(analysis.tests[1]!.consumes).toEqual([analysis.tokens[0]!.id]);
});

test('a cookie with a node behind its session id is a credential handed out', () => {
  const cookie = `${uuidOf('ann')}.node-1`;
  const { tests, tokens } = analyze(
    record([
      { request: 'GET /shop', answer: {}, answerHeaders: [['Set-Cookie', `SID=${cookie}; Path=/`]] },
      { request: 'GET /cart', headers: [['Cookie', `SID=${cookie}`]], answer: {} },
    ]),
  );
  expect(tokens.map(({ value }) => value)).toEqual([cookie]);
  expect(tests.map(({ session, headless }) => [session, headless])).toEqual([
    ['s1', false],
    ['s1', false],
  ]);
});

test('the id of a user inside a JWT is followed to paths, and from there', () => {
  const id = uuidOf('ann');
  const token = jwtOf({ sub: id, name: 'Ann' });
  const analysis = analyze(
    record([
      { request: 'POST /login', body: { user: 'ann' }, answer: { token } },
      {
        request: `GET /users/${id}`,
        headers: [['Authorization', `Bearer ${token}`]],
        answer: { name: 'Ann' },
      },
    ]),
  );
  expect(consumersOf(analysis, id)).toEqual(['path[1]']);
  expect(analysis.tests[1]!.consumes).toHaveLength(2);
});

test('a cookie is followed as a whole, whatever it is made of: parts of what is signed hold only together', () => {
  const sealed = `.${secretOf('text')}:1xUs45:${secretOf('signature')}`;
  const analysis = analyze(
    record([
      {
        request: 'POST /notes',
        body: { n: 1 },
        headers: [],
        answer: {},
        answerHeaders: [['Set-Cookie', `flash=${sealed}; Path=/`]],
      },
      { request: 'GET /notes', headers: [['Cookie', `flash=${sealed}`]], answer: {} },
    ]),
  );
  expect(consumersOf(analysis, sealed)).toEqual(['cookie.flash']);
});

test('a cookie that is set again, to what it was, is read again: the live one may be another', () => {
  const sid = secretOf('sealed');
  const sends: [string, string][] = [['Cookie', `SID=${sid}`]];
  const sets: [string, string][] = [['Set-Cookie', `SID=${sid}; Path=/; Max-Age=60`]];
  const { tests, tokens } = analyze(
    record([
      { request: 'GET /shop', answer: {}, answerHeaders: sets },
      { request: 'GET /cart', headers: sends, answer: {}, answerHeaders: sets },
      { request: 'GET /cart', headers: sends, answer: { sid } },
    ]),
  );
  const read = [{ token: tokens[0]!.id, path: 'cookie.SID' }];
  expect(tests.map(({ produces }) => produces)).toEqual([read, read, []]);
});

test('what a form’s field hands out is read from the field, wherever it stands in the page', () => {
  const secret = secretOf('form');
  const page = `<p>Since 8:52 p.m.</p><input type="hidden" name="csrf" value="${secret}">`;
  const { tokens } = analyze(
    record([
      { request: 'GET /enter', answer: page, answerHeaders: [['Content-Type', 'text/html']] },
      {
        ...{ request: 'POST /enter', body: `csrf=${secret}` },
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      },
    ]),
  );
  expect(tokens.map(({ producer }) => producer.path)).toEqual(['body.input.csrf']);
});

test('an instant that an answer gave as a number is followed, as an entity tag and in a query, too', () => {
  const made = 1_795_323_797_538;
  const analysis = analyze(
    record([
      { request: 'POST /notes', body: { n: 1 }, status: 201, answer: { changed: made, at: 1_795_323_797 } },
      { request: 'GET /notes/1', headers: [['If-None-Match', `"${made}"`]], status: 304 },
      { request: `GET /notes?since=%22${made}%22&before=${made}&seconds=1795323797`, answer: [] },
      { request: 'POST /notes/batch', body: { unless: made, seconds: 1_795_323_797 }, answer: {} },
    ]),
  );
  expect(analysis.tokens.map(({ value, kind }) => [value, kind])).toEqual([[String(made), 'epoch']]);
  expect(consumersOf(analysis, String(made))).toEqual([
    ...['header.if-none-match#0', 'query.before', 'query.since#0', 'body.unless'],
  ]);
});

test('two tokens glued in one segment of a path are sent, each of them', () => {
  const [first, second] = [
    'a8e422112525829d7575db4d399f682ca6ba8eb7',
    'b714edea3642fba8676f16a84d19d13ef7f993b8',
  ];
  const { tests, tokens } = analyze(
    record([
      { request: 'POST /commits', body: { text: 'one' }, answer: { sha: first } },
      { request: 'POST /commits', body: { text: 'two' }, answer: { sha: second } },
      { request: `GET /compare/${first}...${second}`, answer: { ahead: 1 } },
    ]),
  );
  expect(tokens.map(({ value }) => value)).toEqual([first, second]);
  expect(tests[2]!.consumes.toSorted()).toEqual(tokens.map(({ id }) => id).toSorted());
});
