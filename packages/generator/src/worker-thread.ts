// The thread of one worker of a load: see workers.ts. It plays its part as a generator does alone, but for the start, which it
// is told, and its summary, which it tells.
import { parentPort, workerData } from 'node:worker_threads';
import { createLogger, OperatingError, Stopper, startCaptureSender, systemClock } from '@echoplane/runtime';
import { JointCounters } from './joint-counters.ts';
import { playPart } from './run-part.ts';
import type { WorkerNews, WorkerOrder, WorkerTask } from './workers.ts';

const { config, files, worker, counters, environment } = workerData as WorkerTask;
const log = createLogger('generator', config.logLevel);
const clock = systemClock();
const cancelled = new AbortController();
const start = Promise.withResolvers<number | null>();
const port = parentPort!;
const tell = (news: WorkerNews) => port.postMessage(news);
port.on('message', (order: WorkerOrder) => {
  if (order === 'cancel') cancelled.abort();
  else start.resolve(order.begin);
});

const stopper = new Stopper();
try {
  const sender = startCaptureSender('generator', config, { log, clock, stopper });
  const played = await playPart(
    config,
    { files, worker },
    {
      ...{ sender, clock, log, environment, signal: cancelled.signal },
      counters: new JointCounters(config.shard, counters),
      begin: (planned) => {
        tell({ kind: 'ready', planned });
        return start.promise;
      },
      progress: (sent) => tell({ kind: 'progress', sent }),
    },
  );
  tell({ kind: 'ended', ...played });
} catch (err) {
  if (!(err instanceof OperatingError)) throw err;
  tell({ kind: 'failed', code: err.code, sentence: err.message });
} finally {
  await stopper.stop(log);
  port.close();
}
