// What Echoplane costs a cluster: how long an admission waits for it, what its operator takes of memory with 5,000 pods, how
// long installing, the first RRPair and recovery take, and what is left when it is gone. Two worlds: an API server without a
// node for the first two, a real node for the others. Nothing is simulated; it needs what `npm run test:cluster` needs.
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from '../run.ts';
import { NothingToMeasure } from '../sidecar/index.ts';
import { type Admission, measureAdmission } from './admission.ts';
import { type ClusterStage, INSTALL, install, rolledOut, startStage, uninstall } from './cluster-stage.ts';
import { type Dump, differences, dump, podsOfOurs, startEndlessReplay } from './leftovers.ts';
import {
  disallowReplays,
  KILLED_IN,
  measureRecovery,
  operatorsReady,
  type Recovery,
  recordSnapshot,
} from './recovery.ts';
import { annotate, takeAnnotations, unannotate, type Visible } from './visible.ts';

const ON_THE_API_SERVER = ['admission_p99_ms', 'operator_rss_mib'] as const;
const ON_THE_NODE = ['install_to_ready_s', 'annotate_to_visible_s', 'recover_s', 'leftovers'] as const;
const LIMITS = {
  admission_p99_ms: 15,
  operator_rss_mib: 220,
  annotate_to_visible_s: 10,
  install_to_ready_s: 30,
  recover_s: 60,
  leftovers: 0,
} as const;
type Name = keyof typeof LIMITS;

const ADMISSION_SECONDS = 30;
const MAX_ROUNDS = 3;

interface NodeFigures {
  installS?: number[];
  visible?: Visible[];
  recoveries?: Recovery[];
  leftovers?: string[];
  uninstallS?: number;
}

export async function benchKubernetes(options: BenchOptions): Promise<object> {
  const { isQuick, only, bundle, profileFolder } = options;
  const names = (Object.keys(LIMITS) as Name[]).filter((name) => name.includes(only));
  if (names.length === 0)
    throw new NothingToMeasure(`No row is called ${only}; there is ${Object.keys(LIMITS).join(', ')}.`);
  const wants = (of: readonly Name[]) => of.some((name) => names.includes(name));
  const metrics = { processor: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const seconds = isQuick ? 3 : ADMISSION_SECONDS;
  const admission = wants(ON_THE_API_SERVER)
    ? await measureAdmission({ isQuick, seconds, bundle, profileFolder })
    : null;
  if (admission) say('with an API server', admission);
  const onNode = wants(ON_THE_NODE)
    ? await measureNode(new Set(names), isQuick ? 1 : Math.min(options.rounds, MAX_ROUNDS))
    : {};
  return {
    bench: 'kubernetes',
    metrics: { ...metrics, admission, ...onNode },
    targets: judge(new Set(names), admission, onNode),
  };
}

async function measureNode(names: ReadonlySet<Name>, rounds: number): Promise<NodeFigures> {
  const stage = await startStage();
  try {
    const figures: NodeFigures = {};
    // Helm makes a namespace, with this label, and never removes it: whoever installs has made it.
    await stage.node.kubectl(['create', 'namespace', INSTALL]);
    await stage.node.kubectl(['label', 'namespace', INSTALL, `name=${INSTALL}`]);
    const before = await dump(stage);
    figures.installS = [await install(stage)];
    say('installed', figures.installS);
    if (names.has('install_to_ready_s'))
      for (let round = 1; round < rounds; round++) {
        await uninstall(stage);
        figures.installS.push(await install(stage));
        say('installed', figures.installS);
      }
    figures.visible = await measureVisible(stage, names.has('annotate_to_visible_s') ? rounds : 1);
    if (names.has('recover_s') || names.has('leftovers')) await recordSnapshot(stage);
    if (names.has('recover_s')) figures.recoveries = await measureRecoveries(stage);
    if (names.has('leftovers')) Object.assign(figures, await measureLeftovers(stage, before));
    return figures;
  } finally {
    await stage.stop();
  }
}

/** With how busy the machine was: all of it waits for processors. */
function say(what: string, figure: unknown): void {
  console.log(`${what}: ${JSON.stringify(figure)} (load average ${loadavg()[0]!.toFixed(1)})`);
}

/** It stays annotated after the last. */
async function measureVisible(stage: ClusterStage, rounds: number): Promise<Visible[]> {
  const taken = [await annotate(stage)];
  while (taken.length < rounds) {
    await unannotate(stage);
    taken.push(await annotate(stage));
  }
  await rolledOut(stage);
  say('annotated', taken);
  return taken;
}

async function measureRecoveries(stage: ClusterStage): Promise<Recovery[]> {
  const taken: Recovery[] = [];
  for (const killedIn of KILLED_IN) {
    await operatorsReady(stage);
    taken.push(await measureRecovery(stage, killedIn));
    say('killed', taken.at(-1));
  }
  return taken;
}

async function measureLeftovers(
  stage: ClusterStage,
  before: Dump,
): Promise<Pick<NodeFigures, 'leftovers' | 'uninstallS'>> {
  await operatorsReady(stage);
  await startEndlessReplay(stage);
  const uninstallS = await uninstall(stage);
  await rolledOut(stage);
  // What a user has written, and no uninstallation takes away.
  await takeAnnotations(stage);
  await disallowReplays(stage);
  // Pods of the rollout that is over have their last seconds.
  const deadline = performance.now() + LEAVING_MS;
  let found = await leftNow(stage, before);
  while (found.length > 0 && performance.now() < deadline) {
    await sleep(LEAVING_POLL_MS);
    found = await leftNow(stage, before);
  }
  say('left', found);
  return { leftovers: found, uninstallS };
}

const LEAVING_MS = 60_000;
const LEAVING_POLL_MS = 2_000;

async function leftNow(stage: ClusterStage, before: Dump): Promise<string[]> {
  return [...differences(before, await dump(stage)), ...(await podsOfOurs(stage))];
}

function judge(names: ReadonlySet<Name>, admission: Admission | null, node: NodeFigures) {
  const worst = (values: readonly number[] | undefined) => (values?.length ? Math.max(...values) : null);
  const values: Record<Name, number | null> = {
    admission_p99_ms: admission?.p99Ms ?? null,
    operator_rss_mib: admission && Math.max(admission.rss.peakMib, admission.rss.secondReplicaPeakMib),
    annotate_to_visible_s: worst(node.visible?.map(({ visibleS }) => visibleS)),
    install_to_ready_s: worst(node.installS),
    recover_s: worst(node.recoveries?.map(({ recoverS }) => recoverS)),
    leftovers: node.leftovers?.length ?? null,
  };
  return Object.fromEntries(
    [...names].map((name) => {
      const value = values[name];
      return [name, { value, atMost: LIMITS[name], met: value !== null && value <= LIMITS[name] }];
    }),
  );
}
