import { signatureOf } from '@echoplane/replay';
import { type HeaderList, type OutboundRequest, settleBody, splitUrl, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { redactRequest } from './redact-request.ts';
import { base64, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const headers: HeaderList = [
  ['Content-Type', 'application/json'],
  ['Authorization', `Basic ${base64('ann:hunter2-and-17')}`],
];

function live(body: unknown, target = '/v1/mail?to=ann%40shop.example'): OutboundRequest {
  const stored = storeBody(Buffer.from(JSON.stringify(body)), '', { deferJson: true });
  return { scheme: 'https', host: 'mail.test:8443', method: 'POST', target, headers, body: stored };
}

test('a live request gets the signature that its recording has', () => {
  const request = live({ to: 'ann@shop.example', password: 'hunter2', n: 1 });
  const recorded = sketch();
  const { scheme, host, method, target, body } = request;
  const kept = structuredClone({ headers, body });
  recorded.request = { method, url: `${scheme}://${host}${target}`, ...kept };
  recorded.direction = 'OUT';
  watched().redactor.pair(recorded);
  settleBody(recorded.request.body);
  const { path, query } = splitUrl(recorded.request.url);
  const redacted = redactRequest(watched().redactor, request);
  expect(signatureOf(redacted)).toEqual(
    signatureOf({ ...request, ...recorded.request, target: `${path}?${query}` }),
  );
  expect(redacted.headers).toEqual(recorded.request.headers);
  expect(JSON.stringify(redacted)).not.toMatch(/ann|hunter2/);
  expect(redacted).toMatchObject({ scheme, host, method });
});

test('the live request itself is left as it was, for it is still to be recorded', () => {
  const request = live({ password: 'hunter2' });
  const before = structuredClone(request);
  redactRequest(watched().redactor, request);
  expect(request).toEqual(before);
});

test('a redacted request stays as it is', () => {
  const { redactor } = watched();
  const once = redactRequest(redactor, live({ to: 'ann@shop.example', password: 'hunter2' }));
  expect(redactRequest(redactor, once)).toEqual(once);
});

test('every token is told with its value, once the request needs one', () => {
  const values = new Map<string, string>();
  const { redactor } = watched({}, { minted: (token, value) => values.set(token, value) });
  redactRequest(redactor, live({ to: 'ann@shop.example', password: 'hunter2' }));
  expect([...values.values()]).toEqual(expect.arrayContaining(['ann@shop.example', 'hunter2']));
});
