// The cluster face of a running data plane: its routes put together from what each caller may ask for.
import type { ApiClient } from '@echoplane/api';
import type { Clock, Logger } from '@echoplane/runtime';
import type { Callers } from '../callers/callers.ts';
import type { Place } from '../callers/sender-names.ts';
import type { ServerTls } from '../server-tls.ts';
import { type ClusterFace, createClusterFace } from './cluster-face.ts';
import { inspectorRelay } from './inspector-relay.ts';
import type { ObservationRedactor } from './observation-redactor.ts';
import { observationRoute } from './observations.ts';
import { type OperatorSources, operatorRoutes } from './operator-routes.ts';

/** What the face serves of a data plane. */
export interface ClusterSources extends OperatorSources {
  /** Id of the forwarder's agent. */
  agent: string;
  redactor: ObservationRedactor;
}

export interface OpenFaceOptions {
  sources: ClusterSources;
  client: ApiClient;
  tls: ServerTls;
  callers: Callers | null;
  place: Place;
  clock: Clock;
  log: Logger;
}

/** The face, not yet listening. */
export function openClusterFace({ sources, client, clock, ...rest }: OpenFaceOptions): ClusterFace {
  const relay = inspectorRelay({ client, clock, self: sources.agent, redactor: sources.redactor });
  const observations = observationRoute({ client, redactor: sources.redactor, clock });
  const routes = [...operatorRoutes(sources, relay.events), ...relay.routes, observations];
  return createClusterFace({ routes, ...rest });
}
