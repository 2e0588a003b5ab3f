import { expect, test } from 'vitest';
import { readAskedFields } from './asked-fields.ts';

const head = (...lines: string[]) => `GET / HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

test('the host, and how often one is named', () => {
  expect(readAskedFields(head('Accept: */*', 'HOST:  pay.test:8443 '))).toMatchObject({
    host: 'pay.test:8443',
    hosts: 1,
  });
  expect(readAskedFields(head('Host: a', 'host: b'))).toMatchObject({ host: 'a', hosts: 2 });
  expect(readAskedFields(head('X-Host: a', 'Hostt: b', 'Hos: c'))).toMatchObject({
    host: undefined,
    hosts: 0,
  });
});

test('what a signature can depend on tells two requests apart, and nothing else does', () => {
  const marks = (...lines: string[]) => readAskedFields(head('Host: a', ...lines)).marks;
  const all = [
    'Content-Type: a',
    'Content-Encoding: gzip',
    'SOAPAction: x',
    'X-Amz-Target: y',
    'X-HTTP-Method-Override: PUT',
    'Range: bytes=0-1',
  ];
  expect(new Set(all.map((line) => marks(line))).size).toBe(all.length);
  expect(marks('traceparent: 1', 'Date: now', 'Cookie: a=b', 'User-Agent: u', 'Content-Length: 5')).toBe('');
});

test('who asks is told by the credential', () => {
  expect(readAskedFields(head('Authorization: Bearer a', 'Cookie: b')).credential).toBe('Bearer a');
  expect(readAskedFields(head('X-API-Key: k')).credential).toBe('k');
  expect(readAskedFields(head('Host: a')).credential).toBeNull();
});
