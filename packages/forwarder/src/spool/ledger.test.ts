import { pending } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { HELLO } from '../captured.fixture.ts';
import { senderReport } from '../intake/sender-reports.ts';
import { Ledger, SpoolState } from './ledger.ts';

const DAY_US = 24 * 3_600_000_000;
const delta = (batch: number, captured: number, undecodable = 0, withheld = {}) => ({
  cursors: [{ incarnation: HELLO.incarnation, batch, taken: captured }],
  reports: [],
  ...{ captured, undecodable, withheld, recalled: 0 },
});
const segment = (n: number) => ({ id: `0190a0a0-0000-7000-8000-00000000000${n}`, openedAt: 5, pairs: 5 });

describe('Ledger', () => {
  test('a restart at any moment takes the books up so that they balance', () => {
    const before = new Ledger('forwarder', 'first-life');
    const header = before.own(delta(1, 13, 2, { filtered: 3 }));
    before.commit(delta(1, 13, 2, { filtered: 3 }), 0);
    before.retire(segment(1), { delivered: 5, refused: 0 });
    const state = SpoolState.parse(JSON.parse(JSON.stringify(before.state())));
    // Three more pairs lie in the spool; they were shipped, but the process died before it could say so.
    const after = new Ledger('forwarder', 'second-life');
    after.restore(state, 0);
    after.replay([{ incarnation: HELLO.incarnation, batch: 1 }], [header], 0);
    expect(pending(after.own().counters)).toBe(3);
    after.retire(segment(2), { delivered: 3, refused: 0 });
    expect(after.own()).toMatchObject({
      incarnation: 'first-life',
      counters: { captured: 13, delivered: 8, withheld: { filtered: 3 }, dropped: { undecodable: 2 } },
    });
    expect(after.open(HELLO, 0)).toMatchObject({ durable: 1, accepted: 1 });
  });

  test('a report with smaller figures does not replace a larger one', () => {
    const ledger = new Ledger('forwarder', 'life');
    const report = (captured: number) =>
      senderReport(HELLO, { captured, delivered: 0, withheld: {}, dropped: {} })!;
    ledger.commit({ ...delta(2, 0), reports: [report(7)] }, 0);
    ledger.commit({ ...delta(2, 0), reports: [report(3)] }, 0);
    expect(ledger.reports()[1]).toEqual(report(7));
  });

  test.each([
    ['a negative count', { captured: -1 }],
    ['a count above 2^48', { captured: 2 ** 48 + 1 }],
    ['a reason that is no word', { dropped: { 'evil\0': 1 } }],
    ['reasons without end', { withheld: Object.fromEntries([...Array(13).keys()].map((n) => [`r${n}`, 1])) }],
  ])('counters with %s are no report', (_, changes) => {
    const counters = { captured: 1, delivered: 0, withheld: {}, dropped: {}, ...changes };
    expect(senderReport(HELLO, counters)).toBeNull();
  });

  test('a hostile report in the state file is left behind, the rest is taken up', () => {
    const before = new Ledger('forwarder', 'life');
    const counters = { captured: 1, delivered: 0, withheld: {}, dropped: {} };
    const hostile = { hop: 'sidecar' as const, incarnation: 'evil\0x', service: 's', counters };
    const cursors = [{ incarnation: 'evil\0x', batch: 1 }];
    before.commit({ ...delta(1, 1), cursors, reports: [hostile] }, 0);
    expect(before.reports()).toContainEqual(hostile);
    const after = new Ledger('forwarder', 'next');
    after.restore(SpoolState.parse(JSON.parse(JSON.stringify(before.state()))), 0);
    expect(after.reports()).toEqual([before.own()]);
  });

  test('a sender that is gone is closed: what we have was delivered, the rest is unknown', () => {
    const ledger = new Ledger('forwarder', 'life');
    const stream = ledger.open(HELLO, 0)!;
    const counters = { captured: 10, delivered: 2, withheld: {}, dropped: { 'queue-full': 1 } };
    ledger.commit({ ...delta(1, 6), reports: [senderReport(HELLO, counters)!] }, 1_000);
    ledger.settleGone(999);
    expect(stream.report?.counters).toEqual(counters);
    stream.connected = true;
    ledger.settleGone(1_000);
    expect(stream.report?.counters).toEqual(counters);
    stream.connected = false;
    ledger.settleGone(1_000);
    const dropped = { 'queue-full': 1, 'unknown-crash': 3 };
    expect(stream.report?.counters).toEqual({ captured: 10, delivered: 6, withheld: {}, dropped });
    expect(pending(stream.report!.counters)).toBe(0);
    const { version } = ledger;
    ledger.settleGone(1_000);
    expect(ledger.version).toBe(version);
  });

  test('a sender that was given up and comes back is believed again', () => {
    const ledger = new Ledger('forwarder', 'life');
    const stream = ledger.open(HELLO, 0)!;
    const report = (captured: number, delivered: number) =>
      senderReport(HELLO, { captured, delivered, withheld: {}, dropped: {} })!;
    ledger.commit({ ...delta(1, 4), reports: [report(9, 0)] }, 0);
    ledger.settleGone(0);
    ledger.commit({ ...delta(2, 9), reports: [report(9, 9)] }, 0);
    expect(stream.report).toEqual(report(9, 9));
  });

  test('a segment that was given up is a loss with its reason, until the control plane knows', () => {
    const ledger = new Ledger('forwarder', 'life');
    ledger.commit(delta(1, 5), 0);
    ledger.retire(segment(1), { delivered: 0, refused: 0, lost: { reason: 'spool-full', pairs: 5 } });
    expect(ledger.own().counters.dropped).toEqual({ 'spool-full': 5 });
    expect(pending(ledger.own().counters)).toBe(0);
    const after = new Ledger('forwarder', 'next');
    after.restore(SpoolState.parse(JSON.parse(JSON.stringify(ledger.state()))), 0);
    expect(after.lost).toEqual([{ segment: segment(1).id, openedAt: 5, pairs: 5, reason: 'spool-full' }]);
    after.forgetLost(new Set([segment(1).id]));
    expect(after.lost).toEqual([]);
    expect(after.own().counters.dropped).toEqual({ 'spool-full': 5 });
  });

  test('the state of an older forwarder is taken up', () => {
    const old = {
      ...{ v: 1, incarnation: 'old', captured: 7, undecodable: 1, cursors: [], reports: [] },
      retired: { delivered: 6, refused: 0, lastSegment: null },
    };
    const ledger = new Ledger('forwarder', 'new');
    ledger.restore(SpoolState.parse(old), 0);
    expect(ledger.own().counters).toMatchObject({ captured: 7, delivered: 6, dropped: { undecodable: 1 } });
  });

  test('what was taken back out of the ring is a source of its own', () => {
    const ledger = new Ledger('forwarder', 'life');
    ledger.commit({ ...delta(1, 10, 0, { filtered: 10 }) }, 0);
    ledger.commit({ ...delta(1, 4), cursors: [], recalled: 4 }, 0);
    expect(ledger.own().counters).toMatchObject({ captured: 14, withheld: { filtered: 10 } });
    expect(ledger.reports()[1]).toMatchObject({ hop: 'ring', counters: { captured: 4, delivered: 4 } });
  });

  test('a stream silent for a day is forgotten, a live one never', () => {
    const ledger = new Ledger('forwarder', 'life');
    const live = ledger.open({ ...HELLO, incarnation: 'live' }, 0)!;
    live.connected = true;
    ledger.open({ ...HELLO, incarnation: 'away' }, 0);
    ledger.open(HELLO, DAY_US + 1);
    expect(ledger.streams.map((stream) => stream.incarnation)).toEqual(['live', HELLO.incarnation]);
  });

  test('there is an end to the streams it serves, but those away make room', () => {
    const ledger = new Ledger('forwarder', 'life');
    const open = (n: number) => ledger.open({ ...HELLO, incarnation: `life-${n}` }, n);
    for (let n = 0; n < 900; n++) open(n)!.connected = n > 0;
    expect(open(900)).not.toBeNull();
    open(900)!.connected = true;
    expect(open(901)).toBeNull();
  });
});
