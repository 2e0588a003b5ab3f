// The responder: stands in for the dependencies of the service under test and dials none that is mocked.
// The life: config (exit 64 if wrong) ─▶ serve until SIGTERM ─▶ close, drain the pairs, one line of stats ─▶ exit 0.
import { aborted, announceReady, runMain, startCaptureSender, systemClock } from '@echoplane/runtime';
import { startResponder } from './app.ts';
import { responderConfig } from './config.ts';

/** Leaves room for the rest of the shutdown's deadline. */
const DRAIN_MS = 5_000;

await runMain('responder', responderConfig, process.env, async (config, log, { signal, stopper }) => {
  const clock = systemClock();
  const sender = startCaptureSender('responder', config, { log, clock, stopper });
  const responder = await startResponder(config, {
    sender,
    clock,
    log,
    signal,
    stopper,
    environment: process.env,
  });
  stopper.add('drain', async () => {
    const { delivered } = await sender.drain(DRAIN_MS);
    process.stdout.write(`${JSON.stringify({ event: 'stats', ...responder.tally.counts(), delivered })}\n`);
  });
  stopper.add('proxy', () => responder.close());
  process.on('SIGHUP', () => void responder.reload());
  const { tally: _, close: __, reload: ___, ...where } = responder;
  announceReady(log, where);
  await aborted(signal);
});
