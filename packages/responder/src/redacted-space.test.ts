import { defaultRules } from '@echoplane/rules';
import { bodyText, type HeaderList, type OutboundRequest, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { RedactedSpace } from './redacted-space.ts';

const KEY = new Uint8Array(32).fill(7);
const headers: HeaderList = [['Content-Type', 'application/json']];
const space = (key = KEY) => new RedactedSpace({ rules: defaultRules(), key });

function asking(body: unknown): OutboundRequest {
  const stored = storeBody(Buffer.from(JSON.stringify(body)), '', { deferJson: true });
  return { scheme: 'https', host: 'mail.test', method: 'POST', target: '/send', headers, body: stored };
}

const tokenOf = (request: OutboundRequest, field: string) =>
  JSON.parse(bodyText(request.body)!)[field] as string;
const answer = (body: unknown) => ({
  status: 200,
  headers,
  body: storeBody(Buffer.from(JSON.stringify(body)), ''),
});

test('an answer gives back what the service sent, and keeps the tokens of what it never sent', () => {
  const here = space();
  const recordedElsewhere = tokenOf(space().enter(asking({ email: 'bob@shop.example' })), 'email');
  const email = tokenOf(here.enter(asking({ email: 'Ann@shop.example' })), 'email');
  expect(email).toMatch(/@redacted\.example\.com$/);
  const reply = here.leave(answer({ to: email, cc: recordedElsewhere, n: 1 }));
  expect(JSON.parse(bodyText(reply.body)!)).toEqual({ to: 'Ann@shop.example', cc: recordedElsewhere, n: 1 });
});

test('another key gives other tokens', () => {
  const ask = asking({ email: 'ann@shop.example' });
  expect(tokenOf(space().enter(ask), 'email')).not.toBe(
    tokenOf(space(new Uint8Array(32)).enter(ask), 'email'),
  );
});

test('what is remembered is bounded: the value not seen for longest goes', () => {
  const here = space();
  const first = tokenOf(here.enter(asking({ email: 'first@shop.example' })), 'email');
  const kept = tokenOf(here.enter(asking({ email: 'kept@shop.example' })), 'email');
  const others = (from: number, n: number) =>
    here.enter(asking({ list: Array.from({ length: n }, (_, at) => `n${from + at}@shop.example`) }));
  others(0, 9_000);
  here.enter(asking({ email: 'kept@shop.example' }));
  others(9_000, 1_500);
  expect(here.size).toBe(10_000);
  const reply = here.leave(answer({ first, kept }));
  expect(JSON.parse(bodyText(reply.body)!)).toEqual({ first, kept: 'kept@shop.example' });
});

test('rules that switch redaction off leave requests and answers alone', () => {
  const rules = defaultRules();
  rules.redaction.enabled = false;
  const here = new RedactedSpace({ rules, key: KEY });
  expect(bodyText(here.enter(asking({ email: 'ann@shop.example' })).body)).toContain('ann@shop.example');
  expect(here.size).toBe(0);
});
