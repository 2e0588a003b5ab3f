// What is known of one injection when it has been decided: the words that the parts of it share.
import type { Pod, Settings, WorkloadName } from '@echoplane/resources';
import type { PodFacts } from './contract.ts';
import type { Target } from './decide-mode.ts';

export interface Plan {
  /** The pod as it was. */
  pod: Pod;
  settings: Settings;
  workload: WorkloadName;
  facts: PodFacts;
  mode: Settings['mode'];
  target: Target | null;
  /** Outbound TLS is opened: by the settings, or because a replay mocks what is behind it. */
  opensTls: boolean;
  /** The app is given our CA. */
  givesTrust: boolean;
}

/** Whether the app reaches the sidecar's outbound listener by being told of a proxy. */
export function isProxied({ mode, settings }: Pick<Plan, 'mode' | 'settings'>): boolean {
  return (mode === 'forward' || mode === 'dual') && settings.protocol !== 'tcp';
}
