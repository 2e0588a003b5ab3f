// What a new user does, in the order in which they do it: control plane, Echoplane, a service, annotate, look, snapshot,
// replay against the same build and against a broken one, check, uninstall. Every command goes through `Terminal`, which the
// test only watches and the transcript of the docs writes down.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { CLOUD, IMAGES, INSTALL, keyOf, until, untilReady, waitForWebhooks } from './installation.ts';
import type { ClusterNode } from './node.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** One line that a user would type, and what it printed. `shown` stands for it where the machine's own differs. */
export interface Step {
  text?: string;
  shown: string;
  output: string;
}

/** Runs command lines in a shell that has kubectl, helm, curl, jq and `echoplane`. */
export class Terminal {
  readonly steps: Step[] = [];
  readonly #env: NodeJS.ProcessEnv;

  constructor(node: ClusterNode, programs: string) {
    const path = `${programs}:${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH}`;
    this.#env = {
      PATH: path,
      HOME: process.env.HOME,
      KUBECONFIG: node.adminKubeconfig,
      TERM: 'dumb',
      NO_COLOR: '1',
    };
  }

  /** Explains what comes next. */
  say(text: string): void {
    this.steps.push({ text, shown: '', output: '' });
  }

  /** Runs a line; throws with its output when it fails and may not. */
  async run(line: string, { mayFail = false, secrets = {} as Record<string, string> } = {}): Promise<string> {
    const { code, output } = await this.#spawn(line, secrets);
    this.steps.push({ shown: line, output: output.trimEnd() });
    if (code !== 0 && !mayFail) throw new Error(`${line}\nended with ${code}:\n${output}`);
    return output;
  }

  #spawn(line: string, secrets: Record<string, string>): Promise<{ code: number | null; output: string }> {
    const env = { ...this.#env, ...secrets };
    return new Promise((resolve, reject) => {
      const child = spawn('bash', ['-o', 'pipefail', '-c', line], { cwd: ROOT, env, timeout: 600_000 });
      let output = '';
      const collect = (chunk: Buffer) => {
        output += chunk.toString();
      };
      child.stdout.on('data', collect);
      child.stderr.on('data', collect);
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
  }
}

const NAMESPACE = 'shop';

export async function installAll(node: ClusterNode, terminal: Terminal): Promise<void> {
  terminal.say('The control plane, here in the same cluster, with its own database: good for a trial.');
  await terminal.run(
    `helm install echoplane-cloud charts/echoplane-cloud -n ${CLOUD} --create-namespace --set image.repository=${IMAGES.echoplane} --wait | grep STATUS`,
  );
  terminal.say('Echoplane itself. AGENT_KEY is the key that the notes of the first chart told how to read.');
  await terminal.run(
    `helm install echoplane charts/echoplane -n ${INSTALL} --create-namespace --set clusterName=test --set image.repository=${IMAGES.echoplane} --set cloud.url=http://echoplane-cloud.${CLOUD}.svc --set apiKey=$AGENT_KEY --wait | grep STATUS`,
    { secrets: { AGENT_KEY: await keyOf(node, 'agentKey') } },
  );
  await untilReady((command, args) => (command === 'kubectl' ? node.kubectl(args) : node.helm(args)));
  await waitForWebhooks(node);
  await terminal.run(`kubectl -n ${INSTALL} get pods`);
}

export async function captureShop(terminal: Terminal): Promise<void> {
  terminal.say('A service to look at: a shop that calls `payments` over HTTPS and `rates` over HTTP.');
  await terminal.run(
    `helm install demo charts/echoplane-demo -n ${NAMESPACE} --create-namespace --set image.repository=${IMAGES.demo} --set capture.enabled=false --set client.enabled=false --wait | grep STATUS`,
  );
  terminal.say('Record it. The shop is not changed; its pods are rolled once.');
  await terminal.run(
    `kubectl -n ${NAMESPACE} annotate deployment shop sidecar.echoplane.dev/inject=true sidecar.echoplane.dev/tls-out=true sidecar.echoplane.dev/tls-upstream-ca-configmap=payments-ca`,
  );
  await terminal.run(`kubectl -n ${NAMESPACE} rollout status deployment shop`);
  await terminal.run(`kubectl -n ${NAMESPACE} get pods -l app.kubernetes.io/name=shop`);
  terminal.say('And somebody who buys.');
  await terminal.run(
    `helm upgrade demo charts/echoplane-demo -n ${NAMESPACE} --reuse-values --set client.enabled=true --wait | grep STATUS`,
  );
}

export interface CloudAccess {
  CLOUD: string;
  API_KEY: string;
}

/** Where the control plane is reached, as the lines of the transcript name it. */
export async function cloudAccess(node: ClusterNode): Promise<CloudAccess> {
  const address = await node.kubectl([
    '-n',
    CLOUD,
    'get',
    'service',
    'echoplane-cloud',
    '-o',
    'jsonpath={.spec.clusterIP}',
  ]);
  return { CLOUD: `http://${address}`, API_KEY: await keyOf(node, 'apiKey') };
}

const CURL = 'curl -sS -H "Authorization: Bearer $API_KEY"';

/** Waits until there is something worth a replay, and makes a snapshot of it. */
export async function takeSnapshot(terminal: Terminal, access: CloudAccess): Promise<void> {
  const secrets = { ...access };
  const headers = { authorization: `Bearer ${access.API_KEY}` };
  const charges = async () => {
    const answer = await fetch(`${access.CLOUD}/v1/traffic?direction=OUT&host=payments&limit=50`, {
      headers,
    });
    return ((await answer.json()) as { items: unknown[] }).items.length;
  };
  await until(charges, (count) => count >= 20, { what: 'traffic of the shop' });
  terminal.say('What was recorded, from the API of the control plane (the dashboard shows the same):');
  await terminal.run(`${CURL} $CLOUD/v1/services | jq -c .items[]`, { secrets });
  await terminal.run(
    `${CURL} "$CLOUD/v1/traffic?direction=OUT&limit=3" | jq -r '.items[] | "\\(.host) \\(.method) \\(.path) \\(.status)"'`,
    { secrets },
  );
  terminal.say('Nobody buys any more; then freeze what was recorded, and analyze it.');
  await terminal.run(`kubectl -n ${NAMESPACE} scale deployment client --replicas=0`);
  // A user takes longer to type the next line than what was recorded last is on its way.
  const books = async () => (await fetch(`${access.CLOUD}/v1/accounting`, { headers })).json();
  await until(books, (now) => (now as { balanced: boolean }).balanced, { what: 'balanced books' });
  await terminal.run(
    `${CURL} -X POST -H 'Content-Type: application/json' -d '{"name":"shop","query":{}}' $CLOUD/v1/snapshots | jq -r .state`,
    { secrets },
  );
  const state = async () => {
    const answer = await fetch(`${access.CLOUD}/v1/snapshots`, { headers });
    return ((await answer.json()) as { items: { state: string }[] }).items[0]!.state;
  };
  await until(state, (now) => now === 'succeeded' || now === 'failed', { what: 'the snapshot' });
  await terminal.run(`${CURL} $CLOUD/v1/snapshots | jq -c .items[0].manifest.counts`, { secrets });
}

const replay = (name: string) =>
  `kubectl apply -f - <<END
apiVersion: echoplane.dev/v1
kind: TrafficReplay
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  snapshot: shop
  allowLiveTraffic: true          # somebody bought a minute ago
  workloads:
    - ref: { apiVersion: apps/v1, kind: Deployment, name: shop }
END`;

/** An empty database for the next run: what a replay buys is bought. */
async function emptyDatabase(terminal: Terminal): Promise<void> {
  await terminal.run(`kubectl -n ${NAMESPACE} rollout restart deployment postgres`);
  await terminal.run(`kubectl -n ${NAMESPACE} rollout status deployment postgres | tail -n 1`);
}

export async function replayBoth(
  terminal: Terminal,
  access: CloudAccess,
): Promise<{ v1: string; v2: string }> {
  terminal.say(
    'Replay it against the same build. Replays roll workloads only where a label allows it. The shop keeps its own database, which is not mocked: it begins empty, as it was when the recording began.',
  );
  await terminal.run(`kubectl label namespace ${NAMESPACE} replay.echoplane.dev/allowed=true`);
  await emptyDatabase(terminal);
  await terminal.run(replay('same'));
  await terminal.run(`kubectl -n ${NAMESPACE} wait --for=condition=Complete --timeout=300s replay/same`);
  await terminal.run(`kubectl -n ${NAMESPACE} get replay same -o jsonpath={.status.message}`);
  const v1 = await terminal.run(`kubectl -n ${NAMESPACE} get replay same`);
  terminal.say('Then against the next build, which has faults.');
  await terminal.run(
    `helm upgrade demo charts/echoplane-demo -n ${NAMESPACE} --reuse-values --set build=v2 --set client.enabled=false --wait | grep STATUS`,
  );
  await emptyDatabase(terminal);
  await terminal.run(replay('next'));
  await terminal.run(`kubectl -n ${NAMESPACE} wait --for=condition=Complete --timeout=300s replay/next`);
  const v2 = await terminal.run(`kubectl -n ${NAMESPACE} get replay next`);
  await terminal.run(
    `${CURL} $CLOUD/v1/replays/$(kubectl -n ${NAMESPACE} get replay next -o jsonpath={.status.report.id})/report | jq -r '.report.reasons[], (.report.findings[]? | .sentence // .message // empty)'`,
    { secrets: { ...access } },
  );
  return { v1, v2 };
}

export async function leave(terminal: Terminal): Promise<void> {
  terminal.say('Is all well with the installation?');
  await terminal.run('node packages/cli/src/main.ts check', { mayFail: true });
  terminal.say('And away with it: the shop is rolled back to plain pods first.');
  await terminal.run(`helm uninstall echoplane -n ${INSTALL} 2>&1 | grep -v level=INFO`);
  await terminal.run(`kubectl -n ${NAMESPACE} rollout status deployment shop | tail -n 1`);
  await terminal.run(`kubectl -n ${NAMESPACE} get pods -l app.kubernetes.io/name=shop`);
}
