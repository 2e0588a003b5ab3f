import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const server = '127.0.0.1:3000';
const link = (port: number, path = '/things/1', host = '127.0.0.1') => `http://${host}:${port}${path}`;
const said = (url: unknown) => ({ ...json({ url }), server });
const none = () => new LiveValues(new Map());

test('a service under another address names that one, and the same one from then on', () => {
  const values = none();
  const first = replayed(said(link(3000)), json({ url: link(3100) }), values);
  expect([first.differences, first.leaves]).toMatchObject([[], { strict: 2, kind: 1 }]);
  const later = replayed(
    said([link(3000), link(3000, '/')]),
    json({ url: [link(3100), link(3100, '/')] }),
    values,
  );
  expect([later.differences, later.leaves.kind]).toEqual([[], 0]);
  expect(differences(said(link(3000)), json({ url: link(3200) }), values)).toEqual(['body.url value']);
});

test('what else the text says must be the same, and so must a host’s name', () => {
  const values = none();
  for (const url of [link(3100, '/things/2'), link(3100, '/things/1', 'shop'), '/things/1'])
    expect(differences(said(link(3000)), json({ url }), values)).toEqual(['body.url value']);
  expect(differences(json({ url: link(3000) }), json({ url: link(3100) }), values)).toEqual([
    'body.url value',
  ]);
  // Nothing of these was taken for the address.
  expect(differences(said(link(3000)), json({ url: link(3300) }), values)).toEqual([]);
});

test('it may be the one under which clients had called the recorded service, and the reverse', () => {
  const values = new LiveValues(new Map(), undefined, { liveHost: '127.0.0.1:3000' });
  const tested = sketchTest(said([link(3000), link(3100)]));
  tested.request.headers[0] = ['Host', '127.0.0.1:3100'];
  const found = (...ports: number[]) => {
    const live = sketchAnswer(json({ url: ports.map((port) => link(port)) }));
    const compared = compareTest(tested, live, { values, times: null });
    values.learn(tested, live);
    return compared.differences.map(({ path }) => path);
  };
  for (const _ of ['first', 'later']) expect(found(3100, 3000)).toEqual([]);
  expect(found(3300, 3000)).toEqual(['body.url[0]']);
});

test('a request that names it is sent with the new one', () => {
  const values = none();
  replayed(said(link(3000)), json({ url: link(3100) }), values);
  const asked = { ...sketchTest({ method: 'POST', requestBody: { of: link(3000) } }), server };
  expect(values.fill(asked).request.body).toMatchObject({ text: JSON.stringify({ of: link(3100) }) });
  const path = `/login?next=${encodeURIComponent(link(3000))}`;
  const sent = values.fill({ ...sketchTest({ target: path }), server }).request.target;
  expect(new URL(sent, link(1)).searchParams.get('next')).toBe(link(3100));
});
