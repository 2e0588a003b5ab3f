// The guard's own thread: takes one frame at a time and answers with what was found in it. Started by guard.ts only.
import { parentPort } from 'node:worker_threads';
import type { GuardAnswer, GuardTask } from './guard.ts';
import { scanFrame } from './guard-scan.ts';

parentPort!.on('message', ({ ndjson, expected }: GuardTask) => {
  const started = performance.now();
  // A failure ends the thread: guard.ts counts it and starts another.
  void scanFrame(Buffer.from(ndjson).toString('utf8'), expected).then((findings) => {
    const answer: GuardAnswer = { findings, tookMs: performance.now() - started };
    parentPort!.postMessage(answer);
  });
});
