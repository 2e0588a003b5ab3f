// The responder: stands in for the dependencies of the service under test, as a forward proxy that never dials.
// The life: config (exit 64 if wrong) ─▶ serve until SIGTERM ─▶ close, drain the pairs, one line of stats ─▶ exit 0.
import {
  aborted,
  announceReady,
  CaptureSender,
  createLogger,
  exitCodeOf,
  loadConfig,
  runProgram,
  systemClock,
} from '@echoplane/runtime';
import { startResponder } from './app.ts';
import { type ResponderConfig, responderConfig } from './config.ts';

/** Leaves room for the rest of the shutdown's deadline. */
const DRAIN_MS = 5_000;

const config = readConfig();
const log = createLogger('responder', config.logLevel);
const supervised = process.env.ECHOPLANE_SUPERVISED === 'true';

await runProgram(log, { supervised }, async ({ signal, stopper }) => {
  const clock = systemClock();
  const { forwarderHost: host, forwarderPort: port, cluster, namespace, workload, workloadKind } = config;
  const hello = {
    hop: 'responder' as const,
    cluster,
    namespace,
    workload,
    workloadKind,
    pod: workload,
    container: 'responder',
  };
  const sender = new CaptureSender({ host, port, hello, log, clock });
  // Not the program's signal: after a SIGTERM the pairs so far are still delivered.
  const sent = sender.run(new AbortController().signal);
  stopper.add('pairs', async () => {
    sender.close();
    await sent;
  });
  const responder = await startResponder(config, { sender, clock, log, signal, stopper });
  stopper.add('drain', async () => {
    const { delivered } = await sender.drain(DRAIN_MS);
    process.stdout.write(`${JSON.stringify({ event: 'stats', ...responder.tally.counts(), delivered })}\n`);
  });
  stopper.add('proxy', () => responder.close());
  announceReady(log, { port: responder.port, adminPort: responder.adminPort, mocks: responder.mocks });
  await aborted(signal);
});

function readConfig(): ResponderConfig {
  try {
    return loadConfig(responderConfig, process.env);
  } catch (error) {
    process.exit(exitCodeOf(error, createLogger('responder')));
  }
}
