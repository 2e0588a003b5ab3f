// A service that was recorded through another port names itself by its own.
import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

function found(recorded: string, live: string): string[] {
  const tested = sketchTest({ body: { url: recorded } });
  tested.request.headers[0] = ['Host', '127.0.0.1:22002'];
  const values = new LiveValues(new Map(), undefined, { liveHost: '127.0.0.1:33001' });
  const compared = compareTest(tested, sketchAnswer({ body: { url: live } }), { values, times: null });
  return compared.differences.map(({ path }) => path);
}

test('it is the address that live requests go to', () => {
  expect(found('http://127.0.0.1:22001/files/a.txt', 'http://127.0.0.1:33001/files/a.txt')).toEqual([]);
});

test('another port, another host or another path is a difference', () => {
  const recorded = 'http://127.0.0.1:22001/files/a.txt';
  expect(found(recorded, 'http://127.0.0.1:33002/files/a.txt')).toEqual(['body.url']);
  expect(found(recorded, 'http://127.0.0.1:33001/files/b.txt')).toEqual(['body.url']);
  expect(found('http://10.0.0.9:22001/files/a.txt', 'http://127.0.0.1:33001/files/a.txt')).toEqual([
    'body.url',
  ]);
});
