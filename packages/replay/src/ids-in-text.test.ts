// Ids that do not look generated, in addresses which nothing else tells of.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, replayed } from './shifted-replay.fixture.ts';

const [WAS, IS, OTHER] = ['svKL2j4L', 'k1lgO81L', 'r0cqO82a'];
const links = [{ in: 'response' as const, path: 'body.id', flow: 'groups' }];

function knowing(): LiveValues {
  const values = new LiveValues(new Map());
  expect(differences({ method: 'POST', links, body: { id: WAS } }, { body: { id: IS } }, values)).toEqual([]);
  return values;
}

const rights = (...groups: string[]) => ({
  n: 2,
  body: { read: groups.map((id) => `/shops/1/groups/${id}`) },
});

test('an address is that of the thing as it is called now, by value', () => {
  const compared = replayed(rights(WAS, 'everyone'), rights(IS, 'everyone'), knowing());
  expect(compared.differences).toEqual([]);
  expect(compared.leaves).toMatchObject({ strict: 4, kind: 0 });
});

test('another place in a list is found by it', () => {
  expect(differences(rights(WAS, 'everyone'), rights('everyone', IS), knowing())).toEqual([
    'body.read order',
  ]);
  expect(differences(rights(WAS, 'everyone'), rights('everyone', OTHER), knowing())).not.toEqual([]);
});

test('a name of several words in an address is that of the thing, whether or not it looks generated', () => {
  const values = new LiveValues(new Map());
  const links = [{ in: 'response' as const, path: 'body.slug', flow: 'projects' }];
  const made = { method: 'POST', links, body: { slug: 'lantern-timber-Eskrwk' } };
  expect(differences(made, { body: { slug: 'lantern-timber-m8aEPt' } }, values)).toEqual([]);
  const at = (slug: string) => ({ n: 2, body: { url: `/p/${slug}/issues/1` } });
  expect(differences(at('lantern-timber-Eskrwk'), at('lantern-timber-m8aEPt'), values)).toEqual([]);
  expect(differences(at('lantern-timber-Eskrwk'), at('lantern-timber-x2bFQr'), values)).toEqual([
    'body.url value',
  ]);
});
