// What a check is, and how all of them are run: one after the other, each on its own, so that one that cannot look does not
// keep the others from looking.
import type { Finding } from '@echoplane/api';
import type { KubeClient } from '@echoplane/kube';
import { checkCapture } from './capture-checks.ts';
import { checkClock, checkNodes, checkPermissions, checkServer } from './cluster-checks.ts';
import { checkCrds, checkForwarder, checkOperator } from './component-checks.ts';
import { unknown } from './finding.ts';
import { checkWebhookReach, checkWebhooks } from './webhook-checks.ts';

export interface CheckContext {
  client: KubeClient;
  /** Namespace of the installation. */
  namespace: string;
  nowMs(): number;
  /** What the forwarder says of itself, for who reaches it; else it is asked through the API server. */
  forwarderStatus?: () => Promise<unknown>;
}

/** Looks at one thing; no finding at all means that there was nothing to look at. */
export type Check = (context: CheckContext) => Promise<Finding[]>;

/** In the order in which one would look for what is wrong. */
const CHECKS: Record<string, Check> = {
  server: checkServer,
  clock: checkClock,
  nodes: checkNodes,
  crds: checkCrds,
  operator: checkOperator,
  permissions: checkPermissions,
  webhooks: checkWebhooks,
  'webhook-reach': checkWebhookReach,
  forwarder: checkForwarder,
  capture: checkCapture,
};

/** What everything after it rests on: when one of these has a problem, the rest would only repeat it. */
const BASIS = new Set(['server', 'operator']);
/** Not looked at when the other has a problem, for the same reason. */
const RESTS_ON: Record<string, string> = { 'webhook-reach': 'webhooks' };

/** Every finding, up to the first problem of the basis. */
export async function runChecks(context: CheckContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const isBroken = (name: string | undefined) =>
    findings.some(({ check, state }) => check === name && state === 'problem');
  for (const [name, check] of Object.entries(CHECKS)) {
    if (isBroken(RESTS_ON[name])) continue;
    const found = await check(context).catch((err: Error) => [couldNotLook(name, err)]);
    findings.push(...found);
    if (BASIS.has(name) && isBroken(name)) break;
  }
  return findings;
}

function couldNotLook(check: string, err: Error): Finding {
  const remedy = 'Run the check as somebody who may read it, such as a cluster admin.';
  return unknown(check, `This could not be looked at: ${err.message}`, remedy);
}
