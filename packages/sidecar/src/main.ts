// The sidecar's process: configuration ─▶ listeners ─▶ ready ─▶ SIGTERM ─▶ drain ─▶ exit 0.
import { aborted, announceReady, createLogger, exitCodeOf, loadConfig, runProgram } from '@echoplane/runtime';
import { startSidecar } from './app.ts';
import { type SidecarConfig, sidecarConfig } from './config.ts';

const config = readConfig();
const log = createLogger('sidecar', config.logLevel);

await runProgram(log, { supervised: config.supervised }, async ({ signal, stopper }) => {
  const sidecar = await startSidecar(config, log);
  stopper.add('sidecar', () => sidecar.stop());
  const { in: inPort, out: outPort, admin: adminPort } = sidecar.ports;
  announceReady(log, { mode: config.mode, inPort, outPort, adminPort });
  await aborted(signal);
});

function readConfig(): SidecarConfig {
  try {
    return loadConfig(sidecarConfig, process.env);
  } catch (error) {
    process.exit(exitCodeOf(error, createLogger('sidecar')));
  }
}
