// Documents, order of chains, secrets, previews: over 400 lines because they share one set of messages.
import { bodyJson, storeBody } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { context, request, response, run } from './chain.fixture.ts';
import {
  compileTransforms,
  fillTemplate,
  joinDocuments,
  type Message,
  messageOfPair,
  parseTemplate,
  parseTransforms,
  preview,
  runChains,
  startVariables,
  TransformState,
} from './index.ts';
import { pairOfMessage } from './message-pair.ts';

const SECRET = 'hunter2-Zq9';
const lookups = {
  secret: (name: string, key: string) => (name === 'db' && key === 'pw' ? SECRET : undefined),
};
const put = (value: unknown) => ({ name: 'constant', value });

describe('documents', () => {
  test('an empty array, as transforms.json once was, has no chains', () => {
    expect(parseTransforms([])).toEqual({ v: 1, chains: [], variables: [] });
  });

  test('every problem is named with its place', () => {
    const bad = {
      v: 1,
      chains: [
        { id: 'a b', at: 'nowhere', extract: { name: 'header' }, functions: [{ name: 'none' }], more: 1 },
      ],
    };
    expect(() => parseTransforms(bad)).toThrow(
      /chains\[0\]\.id: .*chains\[0\]\.at: .*chains\[0\]\.extract\.header: .*chains\[0\]\.functions\[0\]/,
    );
  });

  test('what cannot be compiled is said of all chains at once, without values', () => {
    const chain = (id: string, more: object) => ({
      id,
      at: 'generator-request',
      extract: { name: 'body' },
      functions: [],
      ...more,
    });
    const document = parseTransforms({
      v: 1,
      chains: [
        chain('when', { when: 'statusx == 1' }),
        chain('regex', { functions: [{ name: 'regex', pattern: '(?=a)' }] }),
        chain('path', { functions: [{ name: 'json', path: '$.[' }] }),
        chain('slot', { functions: [put('${{nothing:x}}')] }),
        chain('date', { functions: [{ name: 'date', shift: 'tomorrow' }] }),
        chain('xpath', { functions: [{ name: 'xml', path: '//[' }] }),
        chain('random', { functions: [{ name: 'random-string', pattern: '(a{1000}){1000}' }] }),
        chain('pair', { extract: { name: 'pair', path: 'request.nowhere' } }),
        chain('pair', { active: false }),
      ],
    });
    const problems = (() => {
      try {
        compileTransforms(document);
      } catch (error) {
        return (error as { problems: string[] }).problems;
      }
      return [];
    })();
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'chains[0] (when).when',
      'chains[1] (regex).functions[0]',
      'chains[2] (path).functions[0]',
      'chains[3] (slot).functions[0]',
      'chains[4] (date).functions[0]',
      'chains[5] (xpath).functions[0]',
      'chains[6] (random).functions[0]',
      'chains[7] (pair).extract',
      'chains[8]',
    ]);
  });

  test('a template is filled in, and says which parameters it wants', () => {
    const template = parseTemplate({
      name: 'login',
      parameters: [{ name: 'user' }, { name: 'field', default: 'name' }],
      document: {
        v: 1,
        chains: [
          {
            id: 'c',
            at: 'generator-request',
            extract: { name: 'body' },
            functions: [{ name: 'json', path: '${{param:field}}' }, put('${{param:user}}')],
          },
        ],
      },
    });
    const filled = fillTemplate(template, { user: 'zoe' });
    expect(filled.chains[0]).toMatchObject({
      id: 'login.c',
      functions: [{ path: 'name' }, { value: 'zoe' }],
    });
    expect(() => fillTemplate(template, { usr: 'zoe' })).toThrow(
      /has no parameter usr.*wants a value for parameter user/,
    );
  });

  test('joined documents keep the first of two chains with the same id', () => {
    const document = (value: string) =>
      parseTransforms({
        v: 1,
        chains: [{ id: 'c', at: 'generator-request', extract: { name: 'body' }, functions: [put(value)] }],
      });
    expect(joinDocuments([document('1'), document('2')]).chains).toEqual(document('1').chains);
  });
});

describe('running', () => {
  test('all chains that hold apply, in order, each on what the one before it made', () => {
    const result = run(
      [
        { functions: [put('one')] },
        { when: 'request.text == "one"', functions: [put('two')] },
        { when: 'method == "GET"', functions: [put('three')] },
      ],
      request('zero'),
    );
    expect(result.message.request.body.text).toBe('two');
    expect(result.applied).toEqual(['c0', 'c1']);
  });

  test('the recording is not touched', () => {
    const message = request('{"a":{"b":1}}', { headers: [['content-length', '13']] });
    const before = structuredClone(message);
    const result = run(
      [
        {
          functions: [
            { name: 'json', path: 'a.b' },
            { name: 'math', op: 'add', by: 10 },
          ],
        },
      ],
      message,
    );
    expect(bodyJson(result.message.request.body)).toEqual({ a: { b: 11 } });
    expect(message).toEqual(before);
  });

  test('a chain that misses halfway leaves nothing behind', () => {
    const result = run(
      [
        {
          functions: [
            { name: 'tag-session' },
            { name: 'sleep' },
            { name: 'case', to: 'upper' },
            { name: 'json', path: 'a' },
          ],
        },
      ],
      request('x'),
    );
    expect(result).toMatchObject({
      missed: ['c0'],
      changes: [],
      delayUs: 0,
      message: { request: { body: { text: 'x' } } },
    });
    expect(result.message.session).toBeUndefined();
    expect(result.signature).toBeUndefined();
  });

  test('data nested thousands deep is a miss, not a crash', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    for (const path of ['$..a', '[].[].[].x', '$']) {
      const { missed, applied, message } = run(
        [{ functions: [{ name: 'json', path }, { name: 'scrub-dates' }] }],
        request(deep),
      );
      expect([...missed, ...applied]).toEqual(['c0']);
      expect(message.request.body.text).toBe(deep);
    }
    const xml = '<a>'.repeat(20_000) + '</a>'.repeat(20_000);
    expect(run([{ functions: [{ name: 'xml', path: '//b' }] }], request(xml)).missed).toEqual(['c0']);
  });

  test('of several windows those that find nothing stay; in a strict chain one is a finding', () => {
    const functions = [
      { name: 'json', path: 'items[]' },
      { name: 'date', shift: '1h' },
    ];
    const body = '{"items":["2026-01-01T00:00:00Z","soon"]}';
    expect(bodyJson(run([{ functions }], request(body)).message.request.body)).toEqual({
      items: ['2026-01-01T01:00:00Z', 'soon'],
    });
    const strict = run([{ functions, strict: true }], request(body));
    expect(strict.findings).toEqual([{ chain: 'c0', reason: 'the value is no time (layout auto)' }]);
    expect(bodyJson(strict.message.request.body)).toEqual({ items: ['2026-01-01T00:00:00Z', 'soon'] });
  });

  test('of windows inside one another the outermost is opened', () => {
    const functions = [
      { name: 'json', path: '$..*' },
      { name: 'template', text: '{"was":${{value}}}' },
    ];
    const { message } = run([{ functions }], request('{"a":{"b":{"c":1}},"d":{}}'));
    expect(message.request.body.text).toBe('{"a":{"was":{"b":{"c":1}}},"d":{"was":{}}}');
  });

  test('a virtual user keeps so many variables, and the oldest goes', () => {
    const state = new TransformState();
    for (let i = 0; i <= 10_000; i++) state.setVariable(`v${i}`, { value: i, secrets: [] });
    expect([state.variable('v0'), state.variable('v1')?.value, state.variable('v10000')?.value]).toEqual([
      undefined,
      1,
      10_000,
    ]);
  });

  test('a type that would change is written as it is where the chain is not strict', () => {
    const result = run([{ functions: [{ name: 'json', path: 'n' }, put('many')] }], request('{"n":1}'));
    expect(result.message.request.body.text).toBe('{"n":"many"}');
  });

  test('an embedded value without a value stays as it is written where the chain is not strict', () => {
    expect(run([{ functions: [put('${{env:NONE}}!')] }], request('x')).message.request.body.text).toBe(
      '${{env:NONE}}!',
    );
  });

  test('braces around and inside embedded values are told apart', () => {
    const made = run([{ functions: [put('{"a":{"n":${{random:[0-9]{3}}}},"v":${{value}}}')] }], request('1'));
    expect(made.message.request.body.text).toMatch(/^\{"a":\{"n":\d{3}\},"v":1\}$/);
  });

  test('changes name the path down to the value', () => {
    const token = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"exp":1772280000}').toString('base64url')}.s`;
    const result = run(
      [
        {
          functions: [{ name: 'json', path: 'token' }, { name: 'jwt', path: 'claims.exp' }, { name: 'date' }],
        },
      ],
      request(`{"token":"${token}"}`),
    );
    expect(result.changes).toEqual([
      { chain: 'c0', path: 'request.body.token.jwt.claims.exp', before: '1772280000', after: '1772283600' },
    ]);
    expect(run([{ functions: [put('x')] }], request('y'), { trace: false }).changes).toEqual([]);
  });

  test('chains without a condition that holds give back the very same message', () => {
    const message = request('x');
    expect(run([{ when: 'status == 500', functions: [put('y')] }], message).message).toBe(message);
  });

  test('variables are filled at the start and from messages', () => {
    const document = parseTransforms({
      v: 1,
      variables: [
        { name: 'user', functions: [{ name: 'random-string', pattern: 'u[0-9]{4}' }] },
        {
          name: 'etag',
          at: 'generator-response',
          extract: { name: 'header', header: 'etag' },
          functions: [{ name: 'trim', text: '"' }],
        },
      ],
      chains: [
        {
          id: 'c',
          at: 'generator-request',
          extract: { name: 'body' },
          functions: [put('${{user}} ${{var:etag}}')],
        },
      ],
    });
    const transforms = compileTransforms(document);
    const user = context();
    startVariables(transforms, user);
    const answer = response('', { headers: [['ETag', '"v1"']] });
    expect(runChains(transforms, 'generator-response', answer, user).message).toBe(answer);
    expect(runChains(transforms, 'generator-request', request('x'), user).message.request.body.text).toMatch(
      /^u\d{4} v1$/,
    );
  });
});

describe('secrets', () => {
  const isSilent = (of: unknown) => {
    const shown = JSON.stringify(of);
    for (const form of [
      SECRET,
      btoa(SECRET),
      btoa(`ann:${SECRET}`),
      Buffer.from(SECRET).toString('hex'),
      encodeURIComponent(SECRET),
    ])
      expect(shown).not.toContain(form);
  };

  test.each([
    ['as it is', [put('${{secret:db/pw}}')]],
    ['inside a text', [put('a ${{secret:db/pw}} b')]],
    ['in Basic credentials', [{ name: 'basic-auth', user: 'ann', password: '${{secret:db/pw}}' }]],
    ['encoded', [put('${{secret:db/pw}}'), { name: 'template', text: '${{value}}' }, { name: 'url-encode' }]],
    ['in hexadecimal digits', [{ name: 'template', text: '' }, { name: 'hex' }, put('${{secret:db/pw}}')]],
  ])('a secret that is used %s is sent and shown nowhere', (_, functions) => {
    const result = run([{ functions }], request('x'), { lookups });
    expect(result.message.request.body.text).not.toBe('x');
    expect(result.changes.at(-1)!.after).toBe('${{secret:db/pw}}');
    isSilent([result.changes, result.findings, result.missed]);
  });

  test('nor is one that went through a variable, or was learned', () => {
    const state = new TransformState();
    const shown = [
      run([{ functions: [put('${{secret:db/pw}}'), { name: 'var-store', variable: 'v' }] }], request('x'), {
        lookups,
        state,
      }),
      run([{ functions: [put('<${{var:v}}>')] }], request('x'), { state }),
      run(
        [{ functions: [{ name: 'var-load', variable: 'v' }, { name: 'smart-replace' }] }],
        request('recorded-pw'),
        { state },
      ),
      run([], request('{"password":"recorded-pw"}'), { state }),
    ];
    for (const { changes } of shown) expect(changes.at(-1)!.after).toBe('${{secret:db/pw}}');
    isSilent(shown.map(({ changes, findings }) => [changes, findings]));
    expect(bodyJson(shown[3]!.message.request.body)).toEqual({ password: SECRET });
  });

  test('nor does it show in what later chains, or later messages with the same request, make of its place', () => {
    const chains = [
      { functions: [{ name: 'json', path: 'pw' }, put('${{secret:db/pw}}')] },
      {
        functions: [
          { name: 'json', path: 'n' },
          { name: 'math', op: 'add', by: 1 },
        ],
      },
      {
        functions: [
          { name: 'regex', pattern: '..Zq' },
          { name: 'case', to: 'lower' },
        ],
      },
      { functions: [{ name: 'case', to: 'upper' }] },
      { functions: [{ name: 'var-store', variable: 'whole' }] },
    ];
    const state = new TransformState();
    const result = run(chains, request('{"pw":"x","n":1}'), { lookups, state });
    expect(result.changes.map(({ path, after }) => [path, after])).toEqual([
      ['request.body.pw', '${{secret:db/pw}}'],
      ['request.body.n', '2'],
      ['request.body#', '${{secret:db/pw}}'],
      ['request.body', '${{secret:db/pw}}'],
    ]);
    const answered = { ...result.message, response: response('y').response! };
    const later = run(
      [{ at: 'generator-response', extract: { name: 'body', of: 'request' }, functions: [put('z')] }],
      answered,
      { state },
    );
    expect(later.changes[0]!.before).toBe('${{secret:db/pw}}');
    const loaded = run([{ functions: [put('${{var:whole}}')] }], request('x'), { state });
    expect(loaded.changes[0]!.after).toBe('${{secret:db/pw}}');
    isSilent([result.changes, later.changes, loaded.changes]);
  });

  test.each([
    ['a type that would change', [{ name: 'json', path: 'n' }, put('${{secret:db/pw}}')]],
    ['no time', [put('${{secret:db/pw}}'), { name: 'date' }]],
    ['no key', [put('eyJhbGciOiJSUzI1NiJ9.e30.s'), { name: 'jwt-resign', key: '${{secret:db/pw}}' }]],
    ['no row', [put('${{secret:db/pw}}'), { name: 'csv-lookup', data: 'none', field: 'x' }]],
    ['no match', [put('${{secret:db/pw}}'), { name: 'replace', old: 'z', new: 'y' }]],
    ['not JSON', [put('${{secret:db/pw}}'), { name: 'json', path: 'a' }]],
  ])('a finding does not name it: %s', (_, functions) => {
    const result = run([{ functions, strict: true }], request('{"n":1}'), { lookups });
    expect(result.findings).toHaveLength(1);
    isSilent([result.findings, result.changes]);
  });
});

describe('preview', () => {
  const message: Message = {
    ...request('{"at":"2026-03-01T11:00:00Z"}', { target: '/a?b=1' }),
    service: 'c/n/w',
    session: null,
    response: { status: 200, headers: [], body: storeBody(Buffer.from('{"id":"x"}'), '') },
  };
  const pair = pairOfMessage(message);

  test('shows what the generator would do to an IN pair', () => {
    const document = parseTransforms({
      v: 1,
      chains: [
        {
          id: 'at',
          at: 'generator-request',
          when: 'path == "/a"',
          extract: { name: 'body' },
          functions: [{ name: 'json', path: 'at' }, { name: 'date' }],
        },
        {
          id: 'id',
          at: 'generator-response',
          extract: { name: 'body' },
          functions: [{ name: 'json', path: 'id' }, put('y')],
        },
        { id: 'no', at: 'responder-request', extract: { name: 'body' }, functions: [put('z')] },
      ],
    });
    const parts = preview(pair, document, context());
    expect(
      parts.map(({ at, changes }) => [at, changes.map(({ path, after }) => `${path} ${after}`)]),
    ).toEqual([
      ['generator-request', ['request.body.at 2026-03-01T12:00:00Z']],
      ['generator-response', ['response.body.id y']],
    ]);
  });

  test('a pair and a message of it say the same', () => {
    expect(messageOfPair(pair)).toMatchObject({
      request: message.request,
      response: message.response,
      direction: 'IN',
    });
  });
});
