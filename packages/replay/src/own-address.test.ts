import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';
import { sketchTest } from './test.fixture.ts';

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

test('a request that names it is sent with the new one', () => {
  const values = none();
  replayed(said(link(3000)), json({ url: link(3100) }), values);
  const asked = { ...sketchTest({ method: 'POST', requestBody: { of: link(3000) } }), server };
  expect(values.fill(asked).request.body).toMatchObject({ text: JSON.stringify({ of: link(3100) }) });
});
