import { type HeaderList, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { http2Fields } from './http2-head-bytes.ts';

const authorityOf = (headers: HeaderList, host: string | null) => {
  const request = { method: 'GET', target: '/', headers, body: storeBody(Buffer.alloc(0), '') };
  return http2Fields(request, { scheme: 'https', host }).find(([name]) => name === ':authority')?.[1];
};

test('a request is sent to the host of the target, and to the recorded one where its client signed that', () => {
  const recorded: HeaderList = [['host', 'shop.example']];
  const signed: HeaderList = [['signature-input', 'sig=("@method" "@authority");created=1618884473']];
  expect(authorityOf(recorded, 'target:8080')).toBe('target:8080');
  expect(authorityOf(recorded, null)).toBe('shop.example');
  expect(authorityOf([...recorded, ...signed], 'target:8080')).toBe('shop.example');
  expect(authorityOf(signed, 'target:8080')).toBe('target:8080');
});
