// The inspector's life: API server, state, admin page, then the stream of commands until it is told to stop.
import { createKubeClient, findAccess } from '@echoplane/kube';
import { FACE_PATHS } from '@echoplane/resources';
import {
  announceReady,
  createFace,
  type Environment,
  type Logger,
  listen,
  type ProgramContext,
  type Sample,
  systemClock,
} from '@echoplane/runtime';
import { InspectorAgent } from './agent.ts';
import { runCommand } from './commands.ts';
import type { InspectorConfig } from './config.ts';
import { FaceLink } from './face-link.ts';
import { InspectorState } from './state.ts';

/** Runs until the context's signal aborts. */
export async function runInspector(
  config: InspectorConfig,
  { environment, log, context }: { environment: Environment; log: Logger; context: ProgramContext },
): Promise<void> {
  const { signal, stopper } = context;
  const { namespace, agentName: name, cluster, version, caFile, certFile, keyFile } = config;
  const client = createKubeClient(await findAccess(environment, config));
  stopper.add('API server', () => client.close());
  const clock = systemClock();
  const state = await InspectorState.open(client, namespace);
  const link = new FaceLink({ url: config.forwarderUrl, files: { caFile, certFile, keyFile } });
  const agent = new InspectorAgent({
    ...{ state, link, clock, log, registration: { name, cluster, version } },
    run({ id, body }, aborted) {
      const forwarderStatus = () => link.get(FACE_PATHS.status, aborted);
      return runCommand(body, { client, clock, log, namespace, id, signal: aborted, forwarderStatus });
    },
  });
  const face = createFace({ notReady: () => null, metrics: () => samplesOf(agent) });
  const adminPort = await listen(face, config.adminPort, config.host, 'the admin page of the inspector');
  stopper.add('admin page', () => {
    face.close();
    face.closeAllConnections();
  });
  announceReady(log, { adminPort, agent: state.agent });
  await agent.run(signal);
}

function samplesOf({ counts, refused, trouble }: InspectorAgent): Sample[] {
  return [
    {
      ...{ name: 'echoplane_inspector_commands_total', help: 'Commands by how they ended', type: 'counter' },
      values: Object.entries(counts).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    {
      name: 'echoplane_inspector_refused_words_total',
      help: 'Words of the control plane that were not acted upon, by reason',
      type: 'counter',
      values: [...refused].map(([reason, value]) => ({ labels: { reason }, value })),
    },
    {
      ...{ name: 'echoplane_inspector_connected', help: '1 while commands can arrive', type: 'gauge' },
      values: [{ value: trouble === null ? 1 : 0 }],
    },
  ];
}
