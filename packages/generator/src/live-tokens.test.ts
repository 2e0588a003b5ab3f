import { type HttpResponse, storeBody, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { LiveTokens } from './live-tokens.ts';

const ID = '019c0000-0000-7000-8000-000000000000';

function step(change: Partial<Test>): Test {
  const request = {
    method: 'GET',
    target: '/orders/7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11',
    headers: [['authorization', 'Bearer 7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11']],
    body: storeBody(Buffer.alloc(0), ''),
  };
  const recorded = {
    id: ID,
    session: 's',
    order: 0,
    offsetUs: 0,
    endpoint: '/',
    headless: false,
    durationUs: 0,
  };
  return {
    ...recorded,
    request,
    response: answer('{}'),
    consumes: [],
    produces: [],
    volatile: [],
    ...change,
  } as Test;
}

function answer(body: string): HttpResponse {
  return {
    status: 200,
    headers: [['content-type', 'application/json']],
    body: storeBody(Buffer.from(body), ''),
  };
}

test('a learned value stands wherever the recorded one stood', () => {
  const tokens = new LiveTokens(new Map([['t1', '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11']]));
  tokens.learn(
    step({ produces: [{ token: 't1', path: 'body.id' }] }),
    answer('{"id":"11111111-52a0-4d5c-9a55-1f0f0e8f9d22"}'),
  );
  const { request, unresolved } = tokens.fill(step({ consumes: ['t1'] }));
  expect(request.target).toBe('/orders/11111111-52a0-4d5c-9a55-1f0f0e8f9d22');
  expect(request.headers).toEqual([['authorization', 'Bearer 11111111-52a0-4d5c-9a55-1f0f0e8f9d22']]);
  expect(unresolved).toEqual([]);
});

test('a token without a live value keeps the recorded one and is named', () => {
  const tokens = new LiveTokens(new Map([['t1', '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11']]));
  tokens.learn(step({ produces: [{ token: 't1', path: 'body.id' }] }), answer('{"error":"no"}'));
  const { request, unresolved } = tokens.fill(step({ consumes: ['t1'] }));
  expect(request.target).toBe('/orders/7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11');
  expect(unresolved).toEqual(['t1']);
});

test('a live value that equals the recorded one counts as found', () => {
  const tokens = new LiveTokens(new Map([['t1', '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11']]));
  tokens.learn(
    step({ produces: [{ token: 't1', path: 'body.id' }] }),
    answer('{"id":"7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11"}'),
  );
  expect(tokens.fill(step({ consumes: ['t1'] })).unresolved).toEqual([]);
});

test('a token that is switched off is neither replaced nor missed', () => {
  const tokens = new LiveTokens(new Map());
  tokens.learn(
    step({ produces: [{ token: 't1', path: 'body.id' }] }),
    answer('{"id":"11111111-52a0-4d5c-9a55-1f0f0e8f9d22"}'),
  );
  const { request, unresolved } = tokens.fill(step({ consumes: ['t1'] }));
  expect(request.target).toBe('/orders/7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11');
  expect(unresolved).toEqual([]);
});
