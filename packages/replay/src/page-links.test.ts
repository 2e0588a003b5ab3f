// Links of a service to its own pages and things: compared as texts, with its address, with what their request asked for, and with the
// ids in them that are other ones now.
import type { Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const HOSTS = { recorded: 'shop:8080', live: 'shop:9090' };
const atLiveHost = () => new LiveValues(new Map(), undefined, { liveHost: HOSTS.live });

test('a link that stands where cursors stand elsewhere is the same link at the new host', () => {
  const links = [{ in: 'response' as const, path: 'body.next', flow: 'cursors' }];
  const next = (host: string, page: number) => json({ next: `http://${host}/things?page=${page}` });
  const found = (live: ReturnType<typeof next>) =>
    differences({ links, ...next(HOSTS.recorded, 2) }, live, atLiveHost());
  expect(found(next(HOSTS.live, 2))).toEqual([]);
  expect(found(next(HOSTS.live, 3))).toEqual(['body.next value']);
  expect(found(next('shop:9999', 2))).toEqual(['body.next value']);
});

test('a link repeats the time that the client sent in its request', () => {
  const RECORDED_US = Date.parse('2026-03-01T10:00:00Z') * 1e3;
  const nowUs = RECORDED_US + 86_400e6 + 250_000;
  const link = (time: string) => ({ next: `/things?page=2&since=${encodeURIComponent(time)}` });
  const since = '2026-03-01T10:00:00.120Z';
  const asked: Test = {
    ...sketchTest({ target: `/things?since=${since}`, body: link(since) }),
    ...{ ts: RECORDED_US, ownTimes: [{ path: 'query.since' }] },
  };
  const found = (time: string) => {
    const values = atLiveHost();
    values.noteSent(asked, values.fill(asked, nowUs).request);
    const times = { requestUs: nowUs, endUs: nowUs + 1_000 };
    const live = sketchAnswer({ body: link(time) });
    return compareTest(asked, live, { values, times }).differences.map(({ path }) => path);
  };
  expect(found('2026-03-02T10:00:00.370Z')).toEqual([]);
  expect(found('2026-03-02T10:00:01.370Z')).toEqual(['body.next']);
});

test('two that writers of one time made are known by the addresses with the slugs they have now', () => {
  const [floor, plants] = [
    {
      title: 'sweep the floor',
      recorded: 'sweep-the-floor-a1f42a9c77d0',
      live: 'sweep-the-floor-c82469f0b3e1',
    },
    { title: 'water plants', recorded: 'water-plants-4a40637be5c9', live: 'water-plants-53b8901ad2f6' },
  ];
  const job = (id: number, of: typeof floor, side: 'recorded' | 'live') => ({
    ...{ id, title: of.title, slug: of[side], url: `http://${HOSTS[side]}/jobs/${of[side]}/` },
  });
  const linked = (body: string) =>
    ['id', 'slug', 'url#4'].map((path) => ({
      in: 'response' as const,
      path: `${body}.${path}`,
      flow: 'jobs',
    }));
  const values = atLiveHost();
  for (const [n, of] of [floor, plants].entries())
    differences(
      {
        ...{ n, method: 'POST', requestBody: { title: of.title }, atUs: n * 1_000, links: linked('body') },
        ...json(job(7 + n, of, 'recorded')),
      },
      json(job(8 - n, of, 'live')),
      values,
    );
  const read = { n: 9, atUs: 900_000, links: linked('body[]') };
  const recorded = { ...read, ...json([job(8, plants, 'recorded'), job(7, floor, 'recorded')]) };
  expect(differences(recorded, json([job(8, floor, 'live'), job(7, plants, 'live')]), values)).toEqual([]);
  const others = { ...job(7, plants, 'live'), title: 'water trees' };
  expect(differences(recorded, json([job(8, floor, 'live'), others]), values)).not.toEqual([]);
});
