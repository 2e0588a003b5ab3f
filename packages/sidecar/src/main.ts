// The sidecar's process: configuration ─▶ listeners ─▶ ready ─▶ SIGTERM ─▶ drain ─▶ exit 0.
import { aborted, announceReady, runMain } from '@echoplane/runtime';
import { startSidecar } from './app.ts';
import { sidecarConfig } from './config.ts';

await runMain('sidecar', sidecarConfig, process.env, async (config, log, { signal, stopper }) => {
  const sidecar = await startSidecar(config, log);
  stopper.add('sidecar', () => sidecar.stop());
  const { in: inPort, out: outPort, admin: adminPort } = sidecar.ports;
  announceReady(log, { mode: config.mode, inPort, outPort, adminPort });
  await aborted(signal);
});
