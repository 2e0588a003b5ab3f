import { pending } from '@echoplane/traffic';
import { batchedSize, type CapturedPair, CaptureFrameDecoder, encodablePair } from '@echoplane/wire';
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

function capturedPair(id: string, bodyBytes: number): CapturedPair {
  const address = { ip: '127.0.0.1', port: 80, host: '' };
  return {
    ...{ id, tsUs: 1, durationUs: 1, ttfbUs: 1, direction: 'IN', protocol: 'http/1.1', scheme: 'http' },
    ...{ client: address, server: address, tls: null, connection: 'c', seq: 0 },
    ...{ request: message(bodyBytes), response: null, sentBytes: 0, receivedBytes: 0 },
    ...{ error: '', gapReason: '', tags: {} },
  };
}

const pairOf = (id: string, bodyBytes: number) => encodablePair(capturedPair(id, bodyBytes));

function pairsOf(batch: OutgoingBatch): CapturedPair[] {
  const [decoded] = [...new CaptureFrameDecoder({ preface: false, unchecked: true }).feed(batch.frame)];
  return decoded?.type === 'batch' ? decoded.value.pairs : [];
}

describe('CaptureQueue', () => {
  test('at the bound sheds bodies first, then drops whole pairs, and counts both', () => {
    const queue = new CaptureQueue({ queueBytes: 6_000, batchBytes: 100_000 });
    queue.offer(pairOf('whole', 1_000));
    queue.offer(pairOf('shed', 5_000));
    for (let i = 0; i < 80; i++) queue.offer(pairOf(`late-${i}`, 0));
    const { captured, dropped } = queue.counters();
    const kept = pairsOf(queue.cut());
    expect(captured).toBe(82);
    expect(queue.shedBytes['queue-full']).toBeGreaterThanOrEqual(5_000);
    expect(
      kept.slice(0, 2).map((p) => [p.id, p.request!.body.length, p.request!.bodySize, p.gapReason]),
    ).toEqual([
      ['whole', 1_000, 1_000, ''],
      ['shed', 0, 5_000, 'shed'],
    ]);
    expect(dropped).toEqual({ 'queue-full': 82 - kept.length });
    expect(kept.length).toBeLessThan(82);
  });

  test('a head no batch can carry is dropped as oversize', () => {
    const queue = new CaptureQueue({ queueBytes: 1 << 30, batchBytes: 1_000 });
    const pair = capturedPair('huge', 0);
    queue.offer(encodablePair({ ...pair, request: { ...pair.request!, head: Buffer.alloc(9 << 20) } }));
    expect(queue.counters().dropped).toEqual({ oversize: 1 });
  });

  test('batches count from 1 without gaps and end before they outgrow the limit', () => {
    const one = batchedSize(pairOf('x', 100));
    const queue = new CaptureQueue({ queueBytes: 1 << 20, batchBytes: one * 2 });
    for (const id of ['a', 'b', 'c']) queue.offer(pairOf(id, 100));
    const batches = [queue.after(0)!, queue.cut(), queue.cut()];
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

  test('a batch that was filled to the bound stays inside of it when its number and counters come to it', () => {
    const one = batchedSize(pairOf('p', 10));
    for (let more = 0; more < one; more++) {
      const queue = new CaptureQueue({ queueBytes: 10_000 + more, batchBytes: 100_000 });
      for (let i = 0; i < 100; i++) queue.offer(pairOf('p', 10));
      queue.cut();
      expect(queue.heldBytes).toBeLessThanOrEqual(10_000 + more);
    }
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
        let lastPairs = 0;
        for (const { kind, bytes } of steps) {
          if (kind === 'withhold') queue.withhold('filtered');
          if (kind === 'offer') queue.offer(pairOf('p', bytes));
          if (kind === 'cut' && queue.openBytes > 0) queue.cut();
          if (kind === 'ack') queue.acknowledge((queue.after(0)?.seq ?? 0) + bytes);
          const waiting = batchesOf(queue).reduce((sum, { pairs }) => sum + pairs, 0);
          lastPairs = pending(queue.counters()) - waiting;
          expect(lastPairs).toBeGreaterThanOrEqual(queue.openBytes > 0 ? 1 : 0);
          expect(queue.heldBytes).toBeLessThanOrEqual(20_000);
        }
        if (queue.openBytes > 0) expect(queue.cut().pairs).toBe(lastPairs);
        for (const batch of batchesOf(queue)) expect(pairsOf(batch)).toHaveLength(batch.pairs);
      }),
    );
  });
});

function batchesOf(queue: CaptureQueue): OutgoingBatch[] {
  const batches: OutgoingBatch[] = [];
  for (let next = queue.after(0); next; next = queue.after(next.seq)) batches.push(next);
  return batches;
}
