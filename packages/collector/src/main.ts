// The collector: what the pods of a replay say and use, and what the cluster says of them, to the forwarder.
// The life: config (exit 64 if wrong) ─▶ collect until SIGTERM ─▶ send what is held ─▶ exit 0.
import { createKubeClient, findAccess } from '@echoplane/kube';
import { announceReady, runMain, systemClock } from '@echoplane/runtime';
import { collect } from './app.ts';
import { collectorConfig } from './config.ts';

await runMain('collector', collectorConfig, process.env, async (config, log, { signal, stopper }) => {
  // Room for the flush, beside what else must end.
  stopper.deadlineMs += config.flushMs;
  const clock = systemClock();
  const access = await findAccess(process.env, { kubeconfig: config.kubeconfig });
  const client = createKubeClient(access, { clock });
  stopper.add('client', () => client.close());
  const ready = (adminPort: number) => announceReady(log, { adminPort });
  await collect(config, { client, access, clock, log, signal, stopper, ready });
});
