import { expect, test } from 'vitest';
import { createHostNames, hostNamed } from './host-names.ts';

const clock = { us: 0, nowUs: () => clock.us };
const dns = { nameOf: (ip: string) => (ip === '10.0.0.1' ? 'relay.test' : undefined) };
const settled = () => new Promise((resolve) => setImmediate(resolve));

test.each([
  ['names', '10.0.0.1', 'sni.test', 'sni.test'],
  ['names', '10.0.0.1', '', ''],
  ['names', '10.0.0.1', '10.0.0.1', '10.0.0.1'],
  ['dns', '10.0.0.1', 'sni.test', 'sni.test'],
  ['dns', '10.0.0.1', '', 'relay.test'],
  ['dns', '10.0.0.1', '10.0.0.1', 'relay.test'],
  ['dns', '10.0.0.2', '', ''],
  ['none', '10.0.0.1', 'sni.test', ''],
] as const)('%s: %s, called %j by the app, is %j', (source, ip, named, name) => {
  expect(createHostNames(source, clock, dns).nameFor(ip, named)).toBe(name);
});

test('ptr delays nothing: the first connection goes without a name, later ones have it; failures are kept too', async () => {
  const asked: string[] = [];
  const names = createHostNames('ptr', clock, null, async (ip) => {
    asked.push(ip);
    if (ip === '10.0.0.2') throw new Error('ENOTFOUND');
    return ['reverse.test'];
  });
  expect([names.nameFor('10.0.0.1'), names.nameFor('10.0.0.2')]).toEqual(['', '']);
  await settled();
  expect([names.nameFor('10.0.0.1'), names.nameFor('10.0.0.2')]).toEqual(['reverse.test', '']);
  expect(names.nameFor('10.0.0.1', 'sni.test')).toBe('sni.test');
  expect(asked).toEqual(['10.0.0.1', '10.0.0.2']);
  clock.us += 300_000_000;
  expect(names.nameFor('10.0.0.1')).toBe('reverse.test');
  expect(asked).toHaveLength(3);
});

test('ptr asks for four addresses at a time and forgets the oldest of 1,000', async () => {
  let asked = 0;
  const answers: (() => void)[] = [];
  const names = createHostNames('ptr', clock, null, (ip) => {
    asked++;
    return new Promise((resolve) => answers.push(() => resolve([`n${ip}`])));
  });
  for (let i = 0; i < 6; i++) names.nameFor(`10.0.0.${i}`);
  expect(asked).toBe(4);
  for (let i = 0; i <= 1_000; i++) {
    names.nameFor(`10.1.${i >> 8}.${i & 255}`);
    for (const answer of answers.splice(0)) answer();
    await settled();
    names.nameFor(`10.1.${i >> 8}.${i & 255}`);
    for (const answer of answers.splice(0)) answer();
    await settled();
  }
  expect(names.nameFor('10.0.0.0')).toBe('');
  expect(names.nameFor('10.1.3.232')).toBe('n10.1.3.232');
});

test.each([
  ['GET / HTTP/1.1\r\nHost: API.test:8080\r\n\r\n', 'api.test'],
  [':method: GET\r\n:authority: api.test\r\nhost: b.test\r\n\r\n', 'api.test'],
  ['GET / HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n', ''],
  ['GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', ''],
  [`GET / HTTP/1.1\r\nHost: ${'a'.repeat(254)}\r\n\r\n`, ''],
  ['GET / HTTP/1.0\r\n\r\n', ''],
])('the request %j calls its server %j', (head, name) => {
  expect(hostNamed(Buffer.from(head))).toBe(name);
});
