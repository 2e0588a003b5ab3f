// What the installation consists of, and whether it runs: CRDs, operator, forwarder and how far it is behind.
import { RESOURCES } from '@echoplane/kube';
import { GROUP, PORTS, VERSION, WORKLOADS } from '@echoplane/resources';
import type { CheckContext } from './check.ts';
import { ok, problem, warning } from './finding.ts';

const CRDS = ['trafficreplays', 'captureconfigs', 'clustercaptureconfigs'].map(
  (plural) => `${plural}.${GROUP}`,
);
const INSTALL = 'Install it: helm install echoplane charts/echoplane -n echoplane --create-namespace.';
/** The control plane was last reached so long ago. */
const AWAY_MS = 60_000;
const BEHIND_SEGMENTS = 20;

export async function checkCrds({ client }: CheckContext) {
  const missing: string[] = [];
  for (const name of CRDS) {
    const crd = await client.get(RESOURCES.crds, { name });
    const serves = crd?.spec.versions.some(
      (one: { name: string; served: boolean }) => one.name === VERSION && one.served,
    );
    if (!serves) missing.push(name);
  }
  if (missing.length === 0) return [ok('crds', `The ${CRDS.length} kinds of ${GROUP}/${VERSION} are there.`)];
  const remedy = 'Apply them: kubectl apply -f crds/, or helm upgrade with crds.install=true.';
  return [
    problem('crds', `These are not there, or not in version ${VERSION}: ${missing.join(', ')}.`, remedy),
  ];
}

export async function checkOperator({ client, namespace }: CheckContext) {
  const operator = await client.get(RESOURCES.deployments, { namespace, name: WORKLOADS.operator });
  if (!operator) return [problem('operator', `There is no operator in the namespace ${namespace}.`, INSTALL)];
  const [wanted, ready] = [operator.spec.replicas ?? 1, operator.status?.readyReplicas ?? 0];
  const image: string = operator.spec.template.spec.containers[0].image;
  if (ready >= wanted)
    return [ok('operator', `${ready} of ${wanted} replicas of the operator are ready (${image}).`)];
  const say = ready === 0 ? problem : warning;
  const look = `kubectl -n ${namespace} describe pods -l app.kubernetes.io/component=operator`;
  return [
    say(
      'operator',
      `${ready} of ${wanted} replicas of the operator are ready (${image}).`,
      `Look why: ${look}`,
    ),
  ];
}

interface ForwarderStatus {
  lag: {
    frames: number;
    segments: number;
    awayMs: number;
    /** Its own page has these too. */
    failingSegments?: number;
    lostSegments?: number;
  };
  spool: { trouble: string | null };
}

export async function checkForwarder({ client, namespace, forwarderStatus }: CheckContext) {
  const forwarder = await client.get(RESOURCES.statefulSets, { namespace, name: WORKLOADS.forwarder });
  const look = `kubectl -n ${namespace} describe pods ${WORKLOADS.forwarder}-0`;
  if (!forwarder) {
    const remedy = `The operator makes it; look into its log: kubectl -n ${namespace} logs deploy/${WORKLOADS.operator}`;
    return [problem('forwarder', `There is no forwarder in the namespace ${namespace}.`, remedy)];
  }
  if ((forwarder.status?.readyReplicas ?? 0) === 0)
    return [problem('forwarder', 'The forwarder is not ready: nothing is recorded.', `Look why: ${look}`)];
  const path = `/api/v1/namespaces/${namespace}/pods/${WORKLOADS.forwarder}-0:${PORTS.admin}/proxy/status`;
  const ask = forwarderStatus ?? (() => client.call('GET', path));
  const status = (await ask()) as ForwarderStatus | null;
  if (!status)
    return [
      warning('forwarder', 'The forwarder waits for the control plane.', 'Check cloud.url and apiKey.'),
    ];
  return judgeLag(status, namespace);
}

/** What the forwarder says of itself, judged. */
export function judgeLag({ lag, spool }: ForwarderStatus, namespace: string) {
  const findings = [];
  const logs = `kubectl -n ${namespace} logs ${WORKLOADS.forwarder}-0`;
  if (spool.trouble !== null)
    findings.push(
      problem('forwarder', `Its spool is in trouble: ${spool.trouble}`, 'Give its volume more space.'),
    );
  if (lag.awayMs > AWAY_MS) {
    const message = `It has not reached the control plane for ${Math.round(lag.awayMs / 1_000)} s; recordings wait in its spool.`;
    findings.push(problem('forwarder', message, `Check the way out of the cluster: ${logs}`));
  }
  const { failingSegments = 0, lostSegments = 0 } = lag;
  if (failingSegments > 0 || lag.segments > BEHIND_SEGMENTS) {
    const message = `${lag.segments} segments wait to be stored, ${failingSegments} of them failed.`;
    findings.push(warning('forwarder', message, `Check the object store and its credentials: ${logs}`));
  }
  if (lostSegments > 0)
    findings.push(
      warning('forwarder', `${lostSegments} segments were given up.`, 'Give its volume more space.'),
    );
  if (findings.length > 0) return findings;
  return [ok('forwarder', `The forwarder keeps up: ${lag.frames} frames and ${lag.segments} segments wait.`)];
}
