// Credentials that log-ins hand out under harmless names, found again in the headers that carry them.
import { expect, test } from 'vitest';
import { watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const KEY = '44dda98c28defbc13a6e7c854ed00a6574939d37';

const bodyOf = (text: string) => ({ size: text.length, encoding: 'identity', text });

function answered(method: string, asked: string, answer: string, headers: [string, string][] = []) {
  const pair = sketch();
  pair.request = { method, url: 'http://shop:8080/enter', headers, body: bodyOf(asked) };
  pair.response = { status: 200, headers: [['Content-Type', 'application/json']], body: bodyOf(answer) };
  return pair;
}

test('what a log-in hands out has the token that it has in the header which sends it back', () => {
  const { redactor } = watched();
  const login = answered('POST', '{"username":"mia","password":"correct horse"}', `{"key":"${KEY}","id":7}`);
  redactor.pair(login);
  const { key } = JSON.parse(login.response!.body.text!);
  expect(key).toMatch(/^rdx_/);
  const call = answered('GET', '', '{}', [['Authorization', `Token ${KEY}`]]);
  redactor.pair(call);
  expect(call.request!.headers).toContainEqual(['Authorization', `Token ${key}`]);
});

test('a live answer to a request that is redacted already is redacted alike', () => {
  const { redactor } = watched();
  const login = answered('POST', 'user=mia&password=rdx_4ncd8w0aqz', `{"key":"${KEY}"}`);
  redactor.pair(login);
  expect(login.response!.body.text).toMatch(/"rdx_\w+"/);
});

test('ids and digests stay, and so does everything where nobody logs in', () => {
  const { redactor } = watched();
  const uuid = '2c5ea4c0-4067-41fe-8bad-9b1deb4d3b7d';
  const bodies = [
    `{"user_id":"${KEY}","avatarHash":"${KEY}","uuid":"${uuid}","owner":"${uuid}"}`,
    `{"key":"${KEY}"}`,
  ];
  const login = answered('POST', '{"password":"correct horse"}', bodies[0]!);
  const upload = answered('POST', '{"name":"bypass"}', bodies[1]!);
  for (const pair of [login, upload]) redactor.pair(pair);
  expect([login, upload].map(({ response }) => response!.body.text)).toEqual(bodies);
});

test('what a framework signed has one token, in an answer under a harmless name and in a header', () => {
  const { redactor } = watched();
  const signed =
    'IjhiMjBlYTc0NjFmYjE1NTc4YWE5YTE3N2ZhNDU1NTgwZmY1MjExZWQi.awJAlQ.kT3xW-9vQb1LmZ7rYc0N_d8UeHg';
  const got = answered('GET', '', `{"result":"${signed}"}`);
  const sent = answered('POST', '{}', '{}', [['X-CSRFToken', signed]]);
  for (const pair of [got, sent]) redactor.pair(pair);
  const { result } = JSON.parse(got.response!.body.text!);
  expect(sent.request!.headers).toContainEqual(['X-CSRFToken', result]);
  expect(result).toMatch(/^rdx_/);
});

test('so has what is made where tokens are, for who proves himself in a header', () => {
  const { redactor } = watched();
  const made = answered('POST', '{"name":"laptop"}', `{"id":1,"sha1":"${KEY}","last":"9d37"}`);
  made.request!.url = 'http://shop:8080/users/mia/tokens';
  const call = answered('GET', '', '{}', [['Authorization', `token ${KEY}`]]);
  for (const pair of [made, call]) redactor.pair(pair);
  const { sha1, last } = JSON.parse(made.response!.body.text!);
  expect(call.request!.headers).toContainEqual(['Authorization', `token ${sha1}`]);
  expect([sha1, last]).toEqual([expect.stringMatching(/^rdx_/), '9d37']);
});

test('an answer that is nothing but the token it was asked for has the token that its field has', () => {
  const { redactor } = watched();
  const made =
    '1795363726189:fa8b63491b26e702049cff5e63ceedaf:211376b18587006b8ed6638a518c278d46973e80f698d606';
  const got = answered('GET', '', made);
  got.request!.url = 'http://shop:8080/api/integrity-token/?for=mail';
  const sent = answered('POST', JSON.stringify({ integrityToken: made }), '{}');
  for (const pair of [got, sent]) redactor.pair(pair);
  expect(got.response!.body.text).toMatch(/^rdx_\w+$/);
  expect(JSON.parse(sent.request!.body.text!)).toEqual({ integrityToken: got.response!.body.text });
});

test('other texts stay, and so do the words of people where tokens are', () => {
  const { redactor } = watched();
  const digest = '211376b18587006b8ed6638a518c278d46973e80f698d606';
  const [other, words] = [answered('GET', '', digest), answered('GET', '', 'there is none for you 24')];
  other.request!.url = 'http://shop:8080/files/7/digest';
  words.request!.url = 'http://shop:8080/csrf-token';
  for (const pair of [other, words]) redactor.pair(pair);
  expect([other, words].map(({ response }) => response!.body.text)).toEqual([
    digest,
    'there is none for you 24',
  ]);
});

test('what stands beside other things in an array has the token that it has in a header, glued behind base64', () => {
  const { redactor } = watched();
  const login = answered(
    'POST',
    '{"params":["mia",{"password":"correct horse"}]}',
    `{"result":[7,"${KEY}",null]}`,
  );
  redactor.pair(login);
  const { result } = JSON.parse(login.response!.body.text!);
  expect(result).toEqual([7, expect.stringMatching(/^rdx_/), null]);
  const glued = Buffer.from(`mia:7:${KEY}`).toString('base64');
  const call = answered('GET', '', '{}', [['Authorization', `Session ${glued}`]]);
  redactor.pair(call);
  const [scheme, sent] = call.request!.headers[0]![1].split(' ');
  expect([scheme, Buffer.from(sent!, 'base64').toString()]).toEqual(['Session', `mia:7:${result[1]}`]);
  const again = structuredClone(call);
  redactor.pair(again);
  expect(again.request!.headers).toEqual(call.request!.headers);
});

test('a list of ids stays', () => {
  const { redactor } = watched();
  const answer = `{"groups":["${KEY}","${KEY.replace('44', '55')}"],"one":["${KEY}"]}`;
  const login = answered('POST', '{"password":"correct horse"}', answer);
  redactor.pair(login);
  expect(login.response!.body.text).toBe(answer);
});

test('a scheme that nobody registered is kept, and what is behind it is known again', () => {
  const { redactor } = watched();
  const login = answered('POST', '{"password":"correct horse"}', `{"key":"${KEY}"}`);
  const call = answered('GET', '', '{}', [['Authorization', `Sesame ${KEY}`]]);
  const phrase = answered('GET', '', '{}', [['Authorization', 'correct horse-battery']]);
  for (const pair of [login, call, phrase]) redactor.pair(pair);
  const { key } = JSON.parse(login.response!.body.text!);
  expect(call.request!.headers).toContainEqual(['Authorization', `Sesame ${key}`]);
  expect(phrase.request!.headers[0]![1]).toMatch(/^rdx_\w+$/);
});

test('a header of the service itself has a name, and the token of what a log-in handed out', () => {
  const { redactor } = watched();
  const made = '["mia", [], true].awOOYw.kT3xW-9vQb1LmZ7rYc0N_d8UeHg';
  const login = answered(
    'POST',
    '{"password":"correct horse"}',
    JSON.stringify({ result: { password: made } }),
  );
  const glued = Buffer.from(`mia:${made}`).toString('base64');
  const call = answered('GET', '', '{}', [['X-Shop-Auth', glued]]);
  for (const pair of [login, call]) redactor.pair(pair);
  const { password } = JSON.parse(login.response!.body.text!).result;
  expect(Buffer.from(call.request!.headers[0]![1], 'base64').toString()).toBe(`mia:${password}`);
  expect(password).toMatch(/^rdx_\w+$/);
  const again = structuredClone(call);
  redactor.pair(again);
  expect(again.request!.headers).toEqual(call.request!.headers);
});
