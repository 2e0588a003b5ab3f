import { pending } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { HELLO } from './captured.fixture.ts';
import { Ledger, SpoolState, senderReport } from './ledger.ts';

const DAY_US = 24 * 3_600_000_000;
const delta = (batch: number, captured: number, undecodable = 0) => ({
  cursors: [{ incarnation: HELLO.incarnation, batch }],
  reports: [],
  ...{ captured, undecodable },
});

describe('Ledger', () => {
  test('a restart at any moment takes the books up so that they balance', () => {
    const before = new Ledger('forwarder', 'first-life');
    const header = before.own(delta(1, 10, 2));
    before.commit(delta(1, 10, 2), 0);
    before.indexed('delivered', 5);
    before.retire('segment-1', 5, 0);
    const state = SpoolState.parse(JSON.parse(JSON.stringify(before.state())));
    // Three more pairs lie in the spool; the index took them, but the process died before it could say so.
    const after = new Ledger('forwarder', 'second-life');
    after.restore(state, 0);
    after.replay([{ incarnation: HELLO.incarnation, batch: 1 }], [header], 0);
    expect(pending(after.own().counters)).toBe(3);
    after.indexed('delivered', 3);
    expect(after.own()).toMatchObject({
      incarnation: 'first-life',
      counters: { captured: 10, delivered: 8, dropped: { undecodable: 2 } },
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
    before.commit({ cursors, reports: [hostile], captured: 1, undecodable: 0 }, 0);
    expect(before.reports()).toContainEqual(hostile);
    const after = new Ledger('forwarder', 'next');
    after.restore(SpoolState.parse(JSON.parse(JSON.stringify(before.state()))), 0);
    expect(after.reports()).toEqual([before.own()]);
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
