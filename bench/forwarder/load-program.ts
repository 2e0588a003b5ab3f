// A capture stream as a program of its own: sends batches at a rate, or as fast as the window lets it, and says on stdout
// how many pairs were acknowledged. `node load-program.ts PORT SECONDS RATE BODY_BYTES SECRETS LANE`; RATE 0 has no bound.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchBuilder, CAPTURE_PREFACE, CaptureFrameDecoder, encodeCaptureFrame } from '@echoplane/wire';
import { makeTraffic, stamp } from './traffic.ts';

const [port, seconds, rate, bodyBytes, secrets, lane] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const PAIRS_PER_BATCH = 50;
const TICK_MS = 5;
const SETTLE_MS = 30_000;

const { pairs } = makeTraffic({ bodyBytes: Number(bodyBytes), variety: 400, secrets: secrets === 'true' });
const socket = connect(Number(port), '127.0.0.1');
const decoder = new CaptureFrameDecoder({ preface: false });
let windowBytes = 0;
let acknowledged = 0;
const inFlight: { bytes: number; pairs: number }[] = [];
let inFlightBytes = 0;
let seq = 0;
let sent = 0;

socket.on('data', (chunk) => {
  for (const message of decoder.feed(chunk)) {
    if (message.type === 'welcome') windowBytes = message.value.windowBytes;
    if (message.type === 'refusal') throw new Error(message.value.message);
    if (message.type !== 'ack') continue;
    while (seq - inFlight.length < message.value.batch && inFlight.length > 0) {
      const batch = inFlight.shift()!;
      inFlightBytes -= batch.bytes;
      acknowledged += batch.pairs;
    }
  }
});
const value = {
  ...{
    version: 1,
    incarnation: `bench-${process.pid}-${lane}`,
    hop: 'sidecar' as const,
    cluster: 'bench',
    namespace: 'bench',
  },
  ...{ workloadKind: 'Deployment', workload: 'shop', pod: `shop-${lane}`, container: 'shop' },
};
socket.write(CAPTURE_PREFACE);
socket.write(encodeCaptureFrame({ type: 'hello', value }));

function sendBatch(count: number): void {
  const size = pairs.reduce((max, pair) => Math.max(max, pair.length), 0) + 16;
  const builder = new BatchBuilder(Buffer.allocUnsafe(count * size + 8_192));
  const nowUs = Math.round((performance.timeOrigin + performance.now()) * 1000);
  for (let i = 0; i < count; i++) {
    const template = pairs[sent++ % pairs.length]!;
    builder.add({
      sizeBytes: template.length,
      shedBodies: () => 0,
      write(into, at) {
        into.set(template, at);
        stamp(into, at, sent, lane, nowUs);
      },
    });
  }
  const counters = { captured: sent, delivered: acknowledged, withheld: {}, dropped: {} };
  const frame = builder.close(++seq, counters);
  inFlight.push({ bytes: frame.length, pairs: count });
  inFlightBytes += frame.length;
  socket.write(frame);
}

while (windowBytes === 0) await sleep(TICK_MS);
const started = performance.now();
const perSecond = Number(rate);
while (performance.now() - started < Number(seconds) * 1000) {
  const due =
    perSecond === 0 ? Number.POSITIVE_INFINITY : ((performance.now() - started) / 1000) * perSecond - sent;
  for (let left = due; left >= PAIRS_PER_BATCH && inFlightBytes < windowBytes / 2; left -= PAIRS_PER_BATCH)
    sendBatch(PAIRS_PER_BATCH);
  await sleep(TICK_MS);
}
const deadline = performance.now() + SETTLE_MS;
while (inFlight.length > 0 && performance.now() < deadline) await sleep(TICK_MS);
// The last word: what was delivered, so that the books can be closed.
const counters = { captured: sent, delivered: acknowledged, withheld: {}, dropped: {} };
socket.write(new BatchBuilder(Buffer.allocUnsafe(8_192)).close(++seq, counters));
await sleep(1_000);
console.log(JSON.stringify({ sent, acknowledged, tookS: (performance.now() - started) / 1000 }));
socket.destroy();
