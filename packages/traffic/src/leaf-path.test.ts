import { expect, test } from 'vitest';
import { leafPatternProblem } from './leaf-path.ts';

test.each([
  ...['method', 'status', 'path[1]', 'query.page', 'query.tag[1]', 'query.filter[name]', 'header.x-region'],
  ...['header.link[1]', 'trailer.grpc-status', 'cookie.sid', 'cookie.sid;path', 'body', 'body.items[3].id'],
  ...['body.items[].id', 'body["a.b"]', 'body["a\\"]"].c', 'body.name[1]', 'body.part.file;filename'],
  ...['body.order.item[0].@id', 'body.order.item[0].text()', 'body[3].data.id', 'body[0].1.2', 'body[12]'],
  ...['header.location#1', 'header.authorization#1!jwt.sub', 'body.after!b64.id', 'body.node!b64#1'],
  ...[
    'body.input.csrf',
    'body.meta.csrf-token',
    'body.token!jwt.role',
    'body[]',
    'body[][].x',
    'body.user[mail]',
  ],
])('%s is a pattern', (pattern) => {
  expect(leafPatternProblem(pattern)).toBeNull();
});

test.each([
  ['body..x[', 'column 5: no step of a path'],
  ['body.x[', 'column 7'],
  ['body.x]', 'column 7'],
  ['body.', 'column 5'],
  ['body.x.', 'column 7'],
  ['body["x]', 'column 5'],
  ['body.items.[].id', 'column 11'],
  ['items[].id', 'body.name'],
  ['bodyx', 'begins with none of body'],
  ['$.items', 'begins with none of body'],
  ['', 'begins with none of body'],
  ['header.', 'names no header'],
  ['header.X-Request-Id', 'header.x-request-id'],
])('%j is none, and why is said', (pattern, words) => {
  expect(leafPatternProblem(pattern)).toContain(words);
});
