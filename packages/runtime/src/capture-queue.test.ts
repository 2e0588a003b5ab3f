import { pending } from '@echoplane/traffic';
import { type CapturedPair, CaptureFrameDecoder, capturedSize } from '@echoplane/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaptureQueue, type OutgoingBatch } from './capture-queue.ts';

function message(bodyBytes: number) {
  const body = Buffer.alloc(bodyBytes, 'b');
  return {
    head: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    body,
    bodySize: bodyBytes,
    trailers: Buffer.alloc(0),
    chunks: [],
  };
}

function pairOf(id: string, bodyBytes: number): CapturedPair {
  const address = { ip: '127.0.0.1', port: 80, host: '' };
  return {
    ...{ id, tsUs: 1, durationUs: 1, ttfbUs: 1, direction: 'IN', protocol: 'http/1.1', scheme: 'http' },
    ...{ client: address, server: address, tls: null, connection: 'c', seq: 0 },
    ...{ request: message(bodyBytes), response: null, sentBytes: 0, receivedBytes: 0 },
    ...{ error: '', gapReason: '', tags: {} },
  };
}

function pairsOf(batch: OutgoingBatch): CapturedPair[] {
  const [decoded] = [...new CaptureFrameDecoder({ preface: false }).feed(batch.frame)];
  return decoded?.type === 'batch' ? decoded.value.pairs : [];
}

describe('CaptureQueue', () => {
  test('at the bound sheds bodies first, then drops whole pairs, and counts both', () => {
    const queue = new CaptureQueue({ queueBytes: 3_000, batchBytes: 100_000 });
    queue.offer(pairOf('whole', 1_000));
    queue.offer(pairOf('shed', 5_000));
    for (let i = 0; i < 10; i++) queue.offer(pairOf(`late-${i}`, 0));
    const { captured, dropped } = queue.counters();
    const kept = pairsOf(queue.cut());
    expect(captured).toBe(12);
    expect(queue.shedBodyBytes).toBe(5_000);
    expect(
      kept.slice(0, 2).map((p) => [p.id, p.request!.body.length, p.request!.bodySize, p.gapReason]),
    ).toEqual([
      ['whole', 1_000, 1_000, ''],
      ['shed', 0, 5_000, 'shed'],
    ]);
    expect(dropped).toEqual({ 'queue-full': 12 - kept.length });
    expect(kept.length).toBeLessThan(12);
  });

  test('a head no batch can carry is dropped as oversize', () => {
    const queue = new CaptureQueue({ queueBytes: 1 << 30, batchBytes: 1_000 });
    const pair = pairOf('huge', 0);
    queue.offer({ ...pair, request: { ...pair.request!, head: Buffer.alloc(9 << 20) } });
    expect(queue.counters().dropped).toEqual({ oversize: 1 });
  });

  test('batches count from 1 without gaps and end before they outgrow the limit', () => {
    const one = capturedSize(pairOf('x', 100));
    const queue = new CaptureQueue({ queueBytes: 1 << 20, batchBytes: one * 2 });
    for (const id of ['a', 'b', 'c']) queue.offer(pairOf(id, 100));
    const batches = [queue.cut(), queue.cut(), queue.cut()];
    expect(batches.map((batch) => [batch.seq, pairsOf(batch).map((p) => p.id)])).toEqual([
      [1, ['a', 'b']],
      [2, ['c']],
      [3, []],
    ]);
  });

  test('news is over once a batch carries the counters, and comes back with the acknowledgement', () => {
    const queue = new CaptureQueue({ queueBytes: 1 << 20, batchBytes: 1 << 20 });
    queue.withhold('sampled');
    queue.offer(pairOf('a', 1));
    queue.cut();
    expect([queue.hasNews, queue.isDry]).toEqual([false, false]);
    queue.acknowledge(1);
    expect([queue.hasNews, queue.isDry]).toEqual([true, true]);
    queue.cut();
    queue.acknowledge(2);
    expect(queue.hasNews).toBe(false);
    expect(queue.counters()).toEqual({ captured: 2, delivered: 1, withheld: { sampled: 1 }, dropped: {} });
  });

  test('whatever happens, what is held stays inside the bound and every pair is accounted for', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('offer' as const), bytes: fc.nat(3_000) }),
      fc.record({
        kind: fc.constantFrom('withhold' as const, 'cut' as const, 'ack' as const),
        bytes: fc.nat(5),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new CaptureQueue({ queueBytes: 20_000, batchBytes: 4_000 });
        const open = new Map<number, number>();
        let waiting = 0;
        for (const { kind, bytes } of steps) {
          const droppedBefore = queue.counters().dropped['queue-full'] ?? 0;
          if (kind === 'withhold') queue.withhold('filtered');
          if (kind === 'offer') {
            queue.offer(pairOf('p', bytes));
            waiting += 1 - ((queue.counters().dropped['queue-full'] ?? 0) - droppedBefore);
          }
          if (kind === 'cut' && waiting > 0) {
            const batch = queue.cut();
            open.set(batch.seq, batch.pairs);
            waiting -= batch.pairs;
          }
          if (kind === 'ack' && open.size > 0) {
            const upTo = Math.min(...open.keys()) + bytes;
            queue.acknowledge(upTo);
            for (const seq of open.keys()) if (seq <= upTo) open.delete(seq);
          }
          const inFlight = [...open.values()].reduce((sum, n) => sum + n, 0);
          expect(queue.heldBytes).toBeLessThanOrEqual(20_000);
          expect(pending(queue.counters())).toBe(waiting + inFlight);
        }
      }),
    );
  });
});
