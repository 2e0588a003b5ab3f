// Secrets that answers showed by their names, found again in urls and bodies whose names say nothing.
import { expect, test } from 'vitest';
import { watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const KEY = 'e3cdb0d5070c63e8f06984fd31';

function pairOf(url: string, answer: string, direction: 'IN' | 'OUT' = 'IN') {
  const pair = { ...sketch(), direction };
  pair.request = { method: 'GET', url, headers: [], body: { size: 0, encoding: 'identity' } };
  const headers: [string, string][] = [['Content-Type', 'application/json']];
  pair.response = {
    ...{ status: 200, headers },
    body: { size: answer.length, encoding: 'identity', text: answer },
  };
  return pair;
}

test('a secret of an answer has its token in a query and in a path, too, and goes to the vault from there', () => {
  const { redactor, sealed } = watched();
  const keys = pairOf('http://blog:8080/keys/', `{"id":7,"secret":"${KEY}"}`);
  const asked = pairOf(`http://blog:8080/posts/?limit=2&key=${KEY}`, '{}');
  const hooked = pairOf(`http://blog:8080/hooks/${KEY}/push`, '{}');
  for (const pair of [keys, asked, hooked]) redactor.pair(pair);
  const { secret } = JSON.parse(keys.response!.body.text!);
  expect(secret).toMatch(/^rdx_/);
  expect(asked.request!.url).toBe(`http://blog:8080/posts/?limit=2&key=${secret}`);
  expect(hooked.request!.url).toBe(`http://blog:8080/hooks/${secret}/push`);
  expect(sealed).toContainEqual({ token: secret, value: KEY });
});

test('what stands far below the name of a secret may be the id of another thing, and stays where it stood', () => {
  const { redactor } = watched();
  const other = 'sc_01M82XB32510FT1JFJ9CY7SXF4';
  const answer = `{"api_key":{"id":"${KEY}","channels":[{"id":"${other}"}]}}`;
  const made = pairOf('http://shop:9000/api-keys', answer);
  const asked = pairOf(`http://shop:9000/${KEY}/channels/${other}`, '{}');
  for (const pair of [made, asked]) redactor.pair(pair);
  const { api_key: shown } = JSON.parse(made.response!.body.text!);
  expect(shown.channels[0].id).toMatch(/^rdx_/);
  expect(asked.request!.url).toBe(`http://shop:9000/${shown.id}/channels/${other}`);
});

test('it stays in what the service asks others, and where an answer names an address', () => {
  const { redactor } = watched();
  const keys = pairOf('http://blog:8080/keys/', `{"secret":"${KEY}"}`);
  const called = pairOf(`http://other:80/posts?key=${KEY}`, '{}', 'OUT');
  const moved = pairOf('http://blog:8080/hooks', '{}');
  moved.response!.headers.push(['Location', `http://blog:8080/hooks/${KEY}`]);
  for (const pair of [keys, called, moved]) redactor.pair(pair);
  expect(called.request!.url).toBe(`http://other:80/posts?key=${KEY}`);
  expect(moved.response!.headers).toContainEqual(['Location', `http://blog:8080/hooks/${KEY}`]);
});

test('what no answer showed as a secret stays, and so does what a dependency showed', () => {
  const { redactor } = watched();
  const keys = pairOf('http://blog:8080/keys/', `{"id":"${KEY}","secret":"short7"}`);
  const called = pairOf('http://other:80/keys', `{"secret":"${KEY}"}`, 'OUT');
  const asked = pairOf(`http://blog:8080/posts/?key=${KEY}&name=short7`, '{}');
  for (const pair of [keys, called, asked]) redactor.pair(pair);
  expect(asked.request!.url).toBe(`http://blog:8080/posts/?key=${KEY}&name=short7`);
});

test('a request has the token of what its own answer shows, and once is as good as twice', () => {
  const { redactor, sealed } = watched();
  const hook = pairOf(`http://blog:8080/hooks/${KEY}?key=${KEY}`, `{"secret":"${KEY}"}`);
  redactor.pair(hook);
  const { secret } = JSON.parse(hook.response!.body.text!);
  expect(hook.request!.url).toBe(`http://blog:8080/hooks/${secret}?key=${secret}`);
  expect(sealed).toContainEqual({ token: secret, value: KEY });
  const again = structuredClone(hook);
  redactor.pair(again);
  expect(again).toEqual(hook);
});

test('a secret of an answer has its token in the JSON of a request, where that is the whole value', () => {
  const { redactor, sealed } = watched();
  const checkout = 'fc2e02ad-05f7-4688-9439-e9f20f9635dd';
  const made = pairOf('http://shop:8080/graphql', `{"data":{"checkout":{"id":7,"token":"${checkout}"}}}`);
  const asked = pairOf('http://shop:8080/graphql', `{"id":"${checkout}"}`);
  const text = JSON.stringify({
    variables: { t: checkout, note: `of ${checkout}`, other: 'a00d3028-644c-4cce-aa44-a350341af491' },
  });
  asked.request!.headers.push(['Content-Type', 'application/json']);
  asked.request!.body = { size: text.length, encoding: 'identity', text };
  for (const pair of [made, asked]) redactor.pair(pair);
  const { token } = JSON.parse(made.response!.body.text!).data.checkout;
  expect(token).toMatch(/^rdx_/);
  expect(asked.request!.body.text).toBe(text.replace(`"${checkout}"`, `"${token}"`));
  expect(asked.response!.body.text).toBe(`{"id":"${checkout}"}`);
  expect(sealed).toContainEqual({ token, value: checkout });
});
