import { Heartbeat } from '@echoplane/api';
import { describe, expect, test } from 'vitest';
import { DiscoveryBook, pathPattern } from './discovery-book.ts';

const place = { service: 'local/demo/shop', direction: 'IN', endpoint: 'POST /orders' } as const;
const sighting = (path: string, kind: 'email' | 'card' = 'email') => ({ path, kind });

describe('DiscoveryBook', () => {
  test('counts the same kind at the same place once, whatever the index', () => {
    const book = new DiscoveryBook();
    book.note(place, sighting('request.body.items[0].to'), 1);
    book.note(place, sighting('request.body.items[17].to'), 3);
    book.note(place, sighting('request.body.items[17].to', 'card'), 2);
    book.note({ ...place, direction: 'OUT' }, sighting('request.body.items[0].to'), 4);
    expect(book.top(10)).toEqual([
      { ...place, path: 'request.body.items[].to', kind: 'email', count: 2, lastSeen: 3 },
      { ...place, direction: 'OUT', path: 'request.body.items[].to', kind: 'email', count: 1, lastSeen: 4 },
      { ...place, path: 'request.body.items[].to', kind: 'card', count: 1, lastSeen: 2 },
    ]);
  });

  test('gives up what was not seen for the longest time, and counts it', () => {
    const book = new DiscoveryBook(2);
    book.note(place, sighting('request.body.a'), 1);
    book.note(place, sighting('request.body.b'), 2);
    book.note(place, sighting('request.body.a'), 3);
    book.note(place, sighting('request.body.c'), 4);
    expect(book.top(10).map(({ path }) => path)).toEqual(['request.body.a', 'request.body.c']);
    expect([book.size, book.evicted]).toEqual([2, 1]);
  });

  test('top gives copies, most often seen first, at most as many as asked for', () => {
    const book = new DiscoveryBook();
    for (let i = 0; i < 3; i++) book.note(place, sighting('request.body.often'), i);
    book.note(place, sighting('request.body.once'), 9);
    const [first] = book.top(1);
    first!.count = 99;
    expect(book.top(1)).toMatchObject([{ path: 'request.body.often', count: 3 }]);
  });

  test('an entry is what a heartbeat takes, whatever the names', () => {
    const book = new DiscoveryBook();
    const wild = { ...place, service: `a\u0007${'s'.repeat(400)}`, endpoint: `GET /${'😀'.repeat(2_000)}` };
    book.note(wild, sighting(`request.body.${'k\n😀'.repeat(1_000)}`), 1);
    expect(Heartbeat.shape.discoveries.safeParse(book.top(500)).error).toBeUndefined();
    expect(book.top(1)[0]!.service).not.toContain('\u0007');
  });
});

describe('pathPattern() never holds a value', () => {
  test.each([
    ['request.body.user.email', 'request.body.user.email'],
    ['request.header.authorization', 'request.header.authorization'],
    ['request.body.items[3].parts[0].card', 'request.body.items[].parts[].card'],
    ['request.body.users.ann.lee@example.com.password', 'request.body.*'],
    ['request.body.users.1234567.password', 'request.body.users.*.password'],
    ['request.body.cards.4111-1111-1111-1111.cvv', 'request.body.cards.*.cvv'],
    ['request.body.by.0190a0a0-0000-7000-8000-00000000aaaa.x', 'request.body.by.*.x'],
    ['response.body.phones.+49 30 123456', 'response.body.phones.*'],
  ])('%s', (path, pattern) => {
    expect(pathPattern(path)).toBe(pattern);
  });
});
