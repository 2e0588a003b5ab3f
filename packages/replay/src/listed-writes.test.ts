// Lists of what was made, in the order of its making, when the writes ran at the same time: they have got each other's numbers,
// also in their own addresses, and one at a page's edge may stand on the next page.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, SHIFT_MS } from './shifted-replay.fixture.ts';

const links = ['body[].id', 'body[].self#4'].map((path) => ({
  in: 'response' as const,
  path,
  flow: 'records',
}));
const HOSTS = { recorded: 'shop:8080', live: 'shop:9090' };
/** A record of the audit, as a service lists it at one of its hosts. */
const record = (id: number, of: string, host: keyof typeof HOSTS) => ({
  id,
  of,
  self: `http://${HOSTS[host]}/records/${id}`,
});
const listed = (host: keyof typeof HOSTS, ...names: string[]) =>
  json(names.map((name, i) => record(15 + i, name, host)));

/** Both writes ran at the same time, and the third 200 ms later. */
function afterWrites(): LiveValues {
  const values = new LiveValues(new Map(), undefined, { liveHost: HOSTS.live });
  for (const [n, name] of ['nightly-job', 'weekly-job', 'later-job'].entries())
    differences(
      { n, method: 'POST', requestBody: { name }, atUs: n === 2 ? 200_000 : n * 1_000, ...json({ name }) },
      json({ name }),
      values,
    );
  return values;
}
const read = (...names: string[]) => ({ n: 9, atUs: 500_000, links, ...listed('recorded', ...names) });

test('two have got each other’s numbers, in their addresses, too, and keep them', () => {
  const values = afterWrites();
  const recorded = read('nightly-job', 'weekly-job', 'later-job');
  expect(differences(recorded, listed('live', 'weekly-job', 'nightly-job', 'later-job'), values)).toEqual([]);
  const one = {
    ...json(record(15, 'nightly-job', 'recorded')),
    links: links.map((link) => ({ ...link, path: link.path.replace('[]', '') })),
  };
  expect(differences(one, json(record(16, 'nightly-job', 'live')), values)).toEqual([]);
  expect(differences(one, json(record(15, 'nightly-job', 'live')), values)).not.toEqual([]);
});

test('one at the edge of a page stands on the next one now', () => {
  const recorded = read('older-job', 'nightly-job');
  const values = afterWrites();
  expect(differences(recorded, listed('live', 'older-job', 'weekly-job'), values)).toEqual([]);
  // What stands in its place has that number, and not the thing itself.
  const all = read('older-job', 'nightly-job', 'weekly-job');
  expect(differences(all, listed('live', 'older-job', 'weekly-job', 'nightly-job'), values)).toEqual([]);
});

test('where the writes are known that gave the numbers of a list, these tell, and not those that wrote to the things later', () => {
  const job = (id: number, title: string) => ({ id, title });
  const write = (
    values: LiveValues,
    n: number,
    atUs: number,
    job: { id: number; title: string },
    live: object,
    own = {},
  ) => {
    const link = { in: 'response' as const, path: 'body.id', flow: 'jobs' };
    const said = { n, atUs, method: 'POST', requestBody: { title: job.title }, links: [link], ...own };
    expect(differences({ ...said, ...json(job) }, json(live), values)).toEqual([]);
  };
  /** Jobs 5 and 6 are made so long after each other, and changed so long after each other. */
  const page = (madeUs: number, changedUs: number) => {
    const values = new LiveValues(new Map());
    write(values, 1, 0, job(5, 'sweep the floor'), job(6, 'sweep the floor'));
    write(values, 2, madeUs, job(6, 'water the plants'), job(5, 'water the plants'));
    const [floor, plants] = [job(5, 'sweep all floors'), job(6, 'water all plants')];
    write(values, 3, 300_000, floor, { ...floor, id: 6 }, { method: 'PUT' });
    write(values, 4, 300_000 + changedUs, plants, { ...plants, id: 5 }, { method: 'PUT' });
    const links = [{ in: 'response' as const, path: 'body[].id', flow: 'jobs' }];
    const recorded = json([job(9, 'older one'), plants].reverse());
    return differences(
      { n: 9, atUs: 900_000, links, ...recorded },
      json([job(9, 'older one'), { ...floor, id: 6 }].reverse()),
      values,
    );
  };
  expect(page(1_000, 100_000)).toEqual([]);
  expect(page(100_000, 1_000)).not.toEqual([]);
});

test('what a query by POST shows first, a cursor of its page, was made by nobody', () => {
  const cursors = {
    'older-job': 'kZ8vQ2mX7rT4',
    'nightly-job': 'pL5wN9bY3cH6',
    'weekly-job': 'tD7jF1gS8aK2',
  };
  const page = (host: keyof typeof HOSTS, ...names: (keyof typeof cursors)[]) =>
    json(names.map((name, i) => ({ cursor: cursors[name], ...record(15 + i, name, host) })));
  const asked = { method: 'POST', requestBody: { query: 'query Jobs { jobs { id of self } }' } };
  const recorded = { n: 9, atUs: 500_000, links, ...asked, ...page('recorded', 'older-job', 'nightly-job') };
  expect(differences(recorded, page('live', 'older-job', 'weekly-job'), afterWrites())).toEqual([]);
  const written = { ...recorded, requestBody: { query: 'mutation Jobs { jobs { id of self } }' } };
  expect(differences(written, page('live', 'older-job', 'weekly-job'), afterWrites())).not.toEqual([]);
});

test('two that were changed and not made anew are no neighbours of each other', () => {
  const told = (host: keyof typeof HOSTS, state: string | null) =>
    json(
      ['older-job', 'nightly-job', 'weekly-job'].map((name, i) => ({
        ...record(15 + i, name, host),
        state: i > 0 ? state : 'on',
      })),
    );
  const recorded = { n: 9, atUs: 500_000, links, ...told('recorded', 'on') };
  expect(differences(recorded, told('live', 'on'), afterWrites())).toEqual([]);
  expect(differences(recorded, told('live', null), afterWrites())).toEqual([
    'body[1].state type',
    'body[2].state type',
  ]);
});

test('so it does in a list whose elements have a time that is never set', () => {
  const never = (host: keyof typeof HOSTS, ...names: string[]) =>
    json(names.map((name, i) => ({ ...record(15 + i, name, host), seenAt: '0001-01-01T00:00:00Z' })));
  const recorded = { n: 9, atUs: 500_000, links, ...never('recorded', 'older-job', 'nightly-job') };
  expect(differences(recorded, never('live', 'older-job', 'weekly-job'), afterWrites())).toEqual([]);
  expect(differences(recorded, never('live', 'older-job', 'later-job'), afterWrites())).not.toEqual([]);
});

test('so it does where all have a state that a later write said first', () => {
  const waiting = (host: keyof typeof HOSTS, ...names: string[]) =>
    json(names.map((name, i) => ({ ...record(15 + i, name, host), state: 'waiting' })));
  const recorded = { n: 9, atUs: 500_000, links, ...waiting('recorded', 'older-job', 'nightly-job') };
  const values = afterWrites();
  const put = { n: 8, method: 'PUT', atUs: 400_000, requestBody: { state: 'waiting' }, ...json({}) };
  differences(put, json({}), values);
  expect(differences(recorded, waiting('live', 'older-job', 'weekly-job'), values)).toEqual([]);
});

test('a time that is never set sorts nothing anew', () => {
  const shelves = (...names: string[]) =>
    json(names.map((name) => ({ name, seenAt: '0001-01-01T00:00:00Z' })));
  const recorded = { n: 9, atUs: 500_000, ...shelves('oak', 'elm') };
  expect(differences(recorded, shelves('elm', 'oak'), afterWrites())).toEqual(['body order']);
});

test('things that no request names are known by the write that first showed their ids', () => {
  const id = (n: number, life: number) => `5f0c1a7${n}-e60d-41f1-8ce1-02fc0000000${life}`;
  const row = (n: number, life: number, ms: number) => ({ id: id(n, life), at: iso(ms) });
  /** The first two writes ran at the same time, the third 200 ms later; a read had shown the fourth thing before. */
  const values = new LiveValues(new Map());
  const write = (n: number, atUs: number, method = 'POST') =>
    differences({ n, method, atUs, ...json({ id: id(n, 1) }) }, json({ id: id(n, 2) }), values);
  write(0, 0, 'GET');
  for (const [n, atUs] of [10_000, 11_000, 200_000].entries()) expect(write(n + 1, atUs)).toEqual([]);
  const found = (recorded: number[], live: number[]) =>
    differences(
      { n: 9, atUs: 500_000, ...json(recorded.map((n, i) => row(n, 1, 20 + i))) },
      json(live.map((n, i) => row(n, 2, SHIFT_MS + 20 + (live.length > 2 ? i >> 1 : i)))),
      values,
    );
  expect(found([0, 1, 2], [0, 2, 1])).toEqual([]);
  expect(found([0, 1], [0, 2])).toEqual([]);
  expect(found([1, 2], [1, 3])).not.toEqual([]);
  expect(found([1, 2], [0, 2])).not.toEqual([]);
});

test('a read that shows a thing has not made it', () => {
  const id = (n: number, life: number) => `5f0c1a7${n}-e60d-41f1-8ce1-02fc0000000${life}`;
  const row = (n: number, life: number, ms: number) => ({ id: id(n, life), at: iso(ms) });
  const values = new LiveValues(new Map());
  for (const n of [0, 1, 2])
    differences({ n, atUs: n * 1_000, ...json({ id: id(n, 1) }) }, json({ id: id(n, 2) }), values);
  const recorded = { n: 9, atUs: 500_000, ...json([row(0, 1, 0), row(2, 1, 2)]) };
  expect(differences(recorded, json([row(1, 2, SHIFT_MS), row(2, 2, SHIFT_MS + 2)]), values)).not.toEqual([]);
});

test('what was made later is no neighbour of it', () => {
  const recorded = read('older-job', 'nightly-job');
  expect(differences(recorded, listed('live', 'older-job', 'later-job'), afterWrites())).not.toEqual([]);
});

test('what was being written is in a list and its count already, or not yet', () => {
  const counted = (host: keyof typeof HOSTS, ...names: string[]) =>
    json({
      list: names.map((name) => ({ name, self: `http://${HOSTS[host]}/jobs/${name}` })),
      total: names.length,
    });
  const during = (...names: string[]) => ({
    n: 9,
    atUs: 500_000,
    beside: ['later-job'],
    ...counted('recorded', ...names),
  });
  const both = during('nightly-job', 'weekly-job');
  expect(differences(both, counted('live', 'weekly-job', 'nightly-job', 'later-job'), afterWrites())).toEqual(
    [],
  );
  const all = during('later-job', 'nightly-job', 'weekly-job');
  expect(differences(all, counted('live', 'nightly-job', 'weekly-job'), afterWrites())).toEqual([]);
  expect(
    differences(both, counted('live', 'nightly-job', 'weekly-job', 'other-job'), afterWrites()),
  ).not.toEqual([]);
  expect(differences(both, counted('live', 'nightly-job'), afterWrites())).not.toEqual([]);
  const miscounted = { list: [{ name: 'nightly-job' }], total: 4 };
  expect(
    differences({ ...both, ...json({ ...miscounted, total: 1 }) }, json(miscounted), afterWrites()),
  ).toEqual(['body.total value']);
  const { beside: _, ...quiet } = both;
  expect(
    differences(quiet, counted('live', 'nightly-job', 'weekly-job', 'later-job'), afterWrites()),
  ).not.toEqual([]);
});

test('names that only the path of a write said may have changed places, whoever asked in vain for them before', () => {
  const values = new LiveValues(new Map());
  const queue = (n: number, method: string, name: string, atUs: number, status: number) => {
    const answer = { status, ...json(status === 404 ? { error: `no ${name}` } : { messages: 0 }) };
    differences({ n, method, target: `/queues/${name}`, atUs, ...answer }, answer, values);
  };
  for (const [n, name] of ['orders-7f3a91c2', 'refunds-b81d04e6'].entries()) {
    queue(2 * n, 'GET', name, 1_000 * n, 404);
    queue(2 * n + 1, 'PUT', name, 50_000 + 1_000 * n, 201);
  }
  queue(4, 'PUT', 'later-22c9e5d8', 300_000, 201);
  const list = (...names: string[]) => json(names);
  const recorded = { n: 9, atUs: 500_000, ...list('orders-7f3a91c2', 'refunds-b81d04e6', 'later-22c9e5d8') };
  const live = (...names: string[]) => differences(recorded, list(...names), values);
  expect(live('refunds-b81d04e6', 'orders-7f3a91c2', 'later-22c9e5d8')).toEqual([]);
  expect(live('orders-7f3a91c2', 'later-22c9e5d8', 'refunds-b81d04e6')).not.toEqual([]);
});
