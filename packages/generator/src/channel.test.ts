import { storeBody, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { protocolOf } from './channel.ts';

const asked = (upgrade: string, rest: Partial<Test> = {}) => {
  const headers: [string, string][] = [
    ['Connection', 'Upgrade'],
    ['Upgrade', upgrade],
  ];
  const request = { method: 'GET', target: '/live', headers, body: storeBody(Buffer.alloc(0), '') };
  return protocolOf({ request, ...rest } as Test);
};

test('a WebSocket that was refused is asked for as one', () => {
  expect(asked('WebSocket')).toBe('websocket');
  expect(asked('h2c')).toBe('http/1.1');
  expect(asked('websocket', { protocol: 'http/2' })).toBe('http/2');
});
