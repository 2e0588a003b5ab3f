import { expect, test } from 'vitest';
import { isReadingOperation, operationNamed } from './body-operation.ts';

test.each([
  [{ query: 'query Topics($n: Int) { topics(first: $n) { id } }' }, ' query Topics', true],
  [{ query: '{ topics { id } }' }, ' query topics', true],
  [{ query: '# all\nmutation Post { post { id } }', operationName: 'Post' }, ' mutation Post', false],
  [[{ query: 'mutation { one }' }, { query: '{ two }' }], ' mutation one', false],
  [{ jsonrpc: '2.0', method: 'orders.list' }, ' orders.list', true],
  [{ jsonrpc: '2.0', method: 'orders.cancel' }, ' orders.cancel', false],
  [{ id: 7, method: 'model.party.party.search_read', params: [[]] }, ' model.party.party.search_read', true],
  [{ method: 'card', params: ['4111'] }, '', false],
  [{ query: 'tea' }, '', false],
  [{ name: 'tea' }, '', false],
  ['tea', '', false],
])('%j names %j', (body, operation, isReading) => {
  expect(operationNamed(body)).toBe(operation);
  expect(isReadingOperation(operation)).toBe(isReading);
});
