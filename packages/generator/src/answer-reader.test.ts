import { describe, expect, it } from 'vitest';
import { readAnswer } from './answer-reader.ts';

const read = (...lines: string[]) => readAnswer(Buffer.from(lines.join('\r\n')));

describe('an answer that is all of one chunk', () => {
  it('is read, with its headers as they were sent and its JSON as text', () => {
    const answer = read(
      ...['HTTP/1.1 201 Created', 'Content-Type: application/json', 'content-length:  9 ', 'X-A:', ''],
      '{"id": 1}',
    );
    expect(answer?.headBytes).toBe(83);
    expect(answer?.response).toEqual({
      ...{ status: 201, reason: 'Created' },
      headers: [
        ['Content-Type', 'application/json'],
        ['content-length', '9'],
        ['X-A', ''],
      ],
      body: { size: 9, encoding: 'identity', text: '{"id": 1}' },
    });
  });

  it('counts bytes, not characters', () => {
    expect(read('HTTP/1.1 200 OK', 'Content-Length: 4', '', 'für')?.response.body.text).toBe('für');
  });
});

describe('left to the framer', () => {
  const left: [why: string, lines: string[]][] = [
    ['a part of it', ['HTTP/1.1 200 OK', 'Content-Length: 3', '', 'ab']],
    ['more than it', ['HTTP/1.1 200 OK', 'Content-Length: 3', '', 'abcd']],
    ['a head that goes on', ['HTTP/1.1 200 OK', 'Content-Length: 0']],
    ['chunks', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '0', '', '']],
    ['no length', ['HTTP/1.1 200 OK', 'X-A: b', '', '']],
    ['two lengths', ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 1', '', 'a']],
    ['a length that is none', ['HTTP/1.1 200 OK', 'Content-Length: 1, 1', '', 'a']],
    ['the last of its connection', ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Connection: close', '', 'a']],
    ['an older protocol', ['HTTP/1.0 200 OK', 'Content-Length: 1', '', 'a']],
    ['an interim answer', ['HTTP/1.1 100 Continue', 'Content-Length: 0', '', '']],
    ['no body by its status', ['HTTP/1.1 304 Not Modified', 'Content-Length: 0', '', '']],
    ['another protocol', ['HTTP/1.1 200 OK', 'Upgrade: h2c', 'Content-Length: 0', '', '']],
    ['a continued line', ['HTTP/1.1 200 OK', 'X-A: b', ' c', 'Content-Length: 0', '', '']],
    ['a space before the colon', ['HTTP/1.1 200 OK', 'Content-Length : 0', '', '']],
  ];
  it.each(left)('%s', (_, lines) => {
    expect(read(...lines)).toBeNull();
  });
});
