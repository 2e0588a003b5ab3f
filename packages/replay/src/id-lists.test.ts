// Texts that list ids of things.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

interface Found {
  isFree?: boolean;
  /** Parcels 3 and 4 got each other's numbers. */
  isSwapped?: boolean;
}

function found(was: string, is: string, { isFree = true, isSwapped = false }: Found = {}): string[] {
  const values = new LiveValues(new Map());
  const parcels = { in: 'response' as const, flow: 'parcels' };
  const ids = isSwapped
    ? ([
        [3, 4],
        [4, 3],
      ] as const)
    : [];
  for (const [id, live] of ids) {
    const made = { n: id, method: 'POST', target: '/parcels', body: { id } };
    differences({ ...made, links: [{ ...parcels, path: 'body.id' }] }, json({ id: live }), values);
  }
  const links = isSwapped ? [{ ...parcels, path: 'body.parcel_ids' }] : [];
  const unordered = isFree ? { unordered: ['body.parcel_ids'] } : {};
  return differences(
    { n: 9, body: { parcel_ids: was }, links, ...unordered },
    json({ parcel_ids: is }),
    values,
  );
}

test('where there is no order, the ids alone are compared', () => {
  expect(found('9,3,5', '3,5,9')).toEqual([]);
  expect(found('9, 3, 5', '3, 5, 7')).toEqual(['body.parcel_ids value']);
  expect(found('9,3,5', '3,5')).toEqual(['body.parcel_ids value']);
  expect(found('9,3,5', '3,5,9', { isFree: false })).toEqual(['body.parcel_ids value']);
});

test('an id is expected as it is now, in its place where there is an order', () => {
  const isSwapped = true;
  expect(found('9,3,5', '4,5,9', { isSwapped })).toEqual([]);
  expect(found('3,9', '4,9', { isFree: false, isSwapped })).toEqual([]);
});
