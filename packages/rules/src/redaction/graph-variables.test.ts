// In the text of a GraphQL operation the name of a secret stands before a type and before a variable, which are none.
import { expect, test } from 'vitest';
import { watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

function redacted(query: string, variables: object = {}): { query: string; variables: object } {
  const pair = sketch();
  const text = JSON.stringify({ query, variables });
  pair.request = {
    ...{ method: 'POST', url: 'http://shop:8080/graphql', headers: [['Content-Type', 'application/json']] },
    body: { size: text.length, encoding: 'identity', text },
  };
  watched().redactor.pair(pair);
  return JSON.parse(pair.request.body.text!);
}

test('an operation that has its secrets in variables stays as it is, and the variables do not', () => {
  for (const query of [
    'mutation In($email: String!, $password: String!) { in(email: $email, password: $password) { id } }',
    'mutation In($u: String!, $p: String = "x") { in(name: $u, password: $p) { id } }',
    'query Of($token: uuid!) { checkout(token: $token) { total } }',
    'query Of($token: UUID!) { checkout(token: $token) { total } }',
    'mutation Many($secrets: [String!]!, $apiKey: ID) { many(secrets: $secrets, apiKey: $apiKey) }',
  ])
    expect(redacted(query).query).toBe(query);
  const { variables } = redacted('query Of($t: UUID!) { checkout(token: $t) { total } }', {
    password: 'tea4two!',
  });
  expect(JSON.stringify(variables)).toMatch(/"password":"rdx_/);
});

test('a secret that is written into it is one, also when it looks like a variable', () => {
  for (const query of [
    '{ in(password: "$wordfish") { id } }',
    'password: $wordfish',
    'password: $wordfish, $word: String!',
    'mutation In($word: String!) { in(word: $word, password: $wordfish) { id } }',
    'query Q { a } $password: $wordfish',
    'query Q { a } $password: $wordfish2',
  ])
    expect(redacted(query).query).not.toContain('$wordfish');
});
