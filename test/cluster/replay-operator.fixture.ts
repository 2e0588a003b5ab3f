// The operator's replays in a test: lives that end at a chosen write, and the loop in which such a life and the players of
// the cluster take turns. For tests only.
import type { KubeClient, Obj } from '@echoplane/kube';
import { RESOURCES } from '@echoplane/kube';
import { API_VERSION, FINALIZER, TERMINAL_PHASES } from '@echoplane/resources';
import { type Clock, silentLogger, systemClock } from '@echoplane/runtime';
import { type ReplayContext, replayReconciler } from '../../packages/operator/src/replay/index.ts';
import { startControlPlane, type TestControlPlane } from './replay-control-plane.fixture.ts';
import {
  INSTALL,
  install,
  leftovers,
  makeWorkload,
  type ReplayWorld,
  SHOP,
  startReplayWorld,
} from './replay-world.fixture.ts';

const DEADLINE_MS = 120_000;
const WRITES = new Set(['create', 'replace', 'apply', 'patch', 'delete']);

export class Killed extends Error {}
/** At which of its writes the operator dies, and whether that write still arrives. */
export interface Death {
  atWrite: number;
  when: 'before' | 'after';
}
export interface Life {
  context: ReplayContext;
  writes(): string[];
  isDead(): boolean;
}

export class ReplayOperator {
  readonly world: ReplayWorld;
  readonly plane: TestControlPlane;
  /** The workload's pod template as it was at first. */
  readonly template: string;
  #replays = 0;

  private constructor(world: ReplayWorld, plane: TestControlPlane, template: string) {
    this.world = world;
    this.plane = plane;
    this.template = template;
  }

  static async start(): Promise<ReplayOperator> {
    const world = await startReplayWorld();
    const plane = await startControlPlane();
    const made = await makeWorkload(world.client, 'cart');
    return new ReplayOperator(world, plane, JSON.stringify(made.spec.template));
  }

  async stop(): Promise<void> {
    this.plane.stop();
    await this.world.stop();
  }

  async templateNow(name = 'cart'): Promise<string> {
    const deployment = await this.world.client.get(RESOURCES.deployments, { namespace: SHOP, name });
    return JSON.stringify(deployment!.spec.template);
  }

  /** An operator's life: its writes are counted, and once it is dead nothing it asks for happens. */
  life(death: Death | null = null, clock: Clock = systemClock()): Life {
    const writes: string[] = [];
    let isDead = false;
    const guarded = async <T>(what: string, isWrite: boolean, call: () => Promise<T>): Promise<T> => {
      if (isDead) throw new Killed();
      if (!isWrite) return call();
      writes.push(what);
      if (death?.atWrite !== writes.length) return call();
      isDead = true;
      if (death.when === 'after') await call();
      throw new Killed();
    };
    const client = new Proxy(this.world.client, {
      get(target, name: keyof KubeClient) {
        const method = target[name];
        if (typeof method !== 'function') return method;
        if (name === 'list') return method.bind(target);
        const call = method.bind(target) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) =>
          guarded(`${name} ${(args[0] as { kind?: string }).kind}`, WRITES.has(name), () => call(...args));
      },
    });
    const cloud = new Proxy(this.plane.client, {
      get(target, name: 'call' | 'stream') {
        const call = target[name].bind(target) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) =>
          guarded(`cloud ${args[0]}`, /^(create|finish|cancel)/.test(String(args[0])), () => call(...args));
      },
    });
    const forwarder = {
      flush: () => guarded('flush', true, async () => true),
    } as unknown as ReplayContext['forwarder'];
    const context: ReplayContext = {
      ...{ client, cloud, forwarder, clock, log: silentLogger(), install },
      ...{ config: { namespace: INSTALL }, events: { record: () => {} } },
    };
    return { context, writes: () => writes, isDead: () => isDead };
  }

  apply(spec: object = {}): Promise<Obj> {
    const workloads = [{ ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' } }];
    return this.world.client.create(RESOURCES.trafficReplays, {
      ...{ apiVersion: API_VERSION, kind: 'TrafficReplay' },
      metadata: { namespace: SHOP, name: `r${this.#replays++}` },
      spec: { snapshot: 'checkout', workloads, generator: { replicas: 2 }, ...spec },
    });
  }

  now({ metadata }: Obj): Promise<Obj | null> {
    return this.world.client.get(RESOURCES.trafficReplays, { namespace: SHOP, name: metadata.name });
  }

  patch({ metadata }: Obj, spec: object): Promise<Obj> {
    const ref = { namespace: SHOP, name: metadata.name };
    return this.world.client.patch(RESOURCES.trafficReplays, ref, { spec }, { type: 'merge' });
  }

  async remove({ metadata }: Obj): Promise<void> {
    await this.world.client.delete(RESOURCES.trafficReplays, { namespace: SHOP, name: metadata.name });
  }

  /** Reconciles and plays the controllers until `isDone`, the operator's death, or the deadline. */
  async live(
    { context, isDead }: Pick<Life, 'context' | 'isDead'>,
    replay: Obj,
    isDone: (replay: Obj | null) => boolean = isOver,
  ): Promise<Obj | null> {
    const reconciler = replayReconciler(context);
    const signal = new AbortController().signal;
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      await reconciler.reconcile(`${SHOP}/${replay.metadata.name}`, signal).catch((err) => {
        if (!(err instanceof Killed) && (err as { status?: number }).status !== 409) throw err;
      });
      const current = await this.now(replay);
      if (isDead() || isDone(current)) return current;
      if (performance.now() > end) throw new Error(`not so far: ${JSON.stringify(current?.status, null, 1)}`);
      await this.world.play();
    }
  }

  /** What is left of a replay in the cluster; nothing is what we want. */
  async traces(replay: Obj): Promise<string[]> {
    const left = await leftovers(this.world.client, replay.metadata.uid!);
    return (await this.templateNow()) === this.template ? left : [...left, 'the template of cart'];
  }
}

/** Terminal, and nothing holds the object any more. */
export function isOver(replay: Obj | null): boolean {
  if (replay === null) return true;
  return TERMINAL_PHASES.includes(replay.status?.phase) && !replay.metadata.finalizers?.includes(FINALIZER);
}

/** Status by type of condition. */
export function conditionsOf(replay: Obj | null): Record<string, string> {
  const conditions = replay!.status.conditions as { type: string; status: string }[];
  return Object.fromEntries(conditions.map(({ type, status }) => [type, status]));
}
