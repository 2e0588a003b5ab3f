// The dashboard on a real control plane and Postgres, with data planes that registered as theirs do and a replay whose
// pods were observed. For tests only.
import type { Report } from '@echoplane/traffic';
import { type Browser, chromium, type Page } from 'playwright-core';
import { dashboardDir } from '../packages/cli/src/dashboard.ts';
import { buildApp } from '../packages/cloud/src/app.ts';
import {
  type ControlPlane,
  PASSWORD,
  startControlPlane,
} from '../packages/cloud/src/control-plane.fixture.ts';
import {
  callAs,
  connectAgent,
  type Door,
  StandInInspector,
  type StandInWorkload,
} from './inspector-stand-in.ts';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];
/** Ends what hangs; it is no judgement of how fast the machine is. */
const PATIENCE_MS = 120_000;
const SECOND_US = 1_000_000;

const workload = (name: string, fields: Partial<StandInWorkload> = {}): StandInWorkload => ({
  ...{ namespace: 'shop', kind: 'Deployment', name, injected: false, settings: {}, pods: 2, injectedPods: 0 },
  ...fields,
});
const recorded = { injected: true, settings: { inject: 'true', mode: 'transparent' } };

export class ClustersPageStage {
  readonly plane: ControlPlane;
  readonly origin: string;
  readonly door: Door;
  readonly page: Page;
  readonly inspector: StandInInspector;
  /** What the page itself got wrong. */
  readonly troubles: string[] = [];
  readonly #closing: (() => unknown)[];

  private constructor(
    parts: Pick<ClustersPageStage, 'plane' | 'origin' | 'door' | 'page' | 'inspector'>,
    closing: (() => unknown)[],
  ) {
    this.plane = parts.plane;
    this.origin = parts.origin;
    this.door = parts.door;
    this.page = parts.page;
    this.inspector = parts.inspector;
    this.#closing = closing;
    parts.page.on('pageerror', (error) => this.troubles.push(error.message));
    // Being signed out is found out by asking, and the browser logs the answer.
    parts.page.on(
      'console',
      (line) => line.type() === 'error' && !line.text().includes('401') && this.troubles.push(line.text()),
    );
  }

  /** Cluster `staging` has a forwarder that is behind and an inspector; `production` has a forwarder alone. */
  static async open(): Promise<ClustersPageStage> {
    const closing: (() => unknown)[] = [];
    const plane = await startControlPlane();
    closing.push(() => plane.stop());
    const app = await buildApp({
      ...{ services: plane.services, metrics: async () => [] },
      dashboardDir: await dashboardDir(process.env as Record<string, string>),
    });
    const origin = await app.listen({ port: 0, host: '127.0.0.1' });
    closing.push(() => app.close());
    const door = { origin, key: plane.ann.keys.agent };
    const rules = { replaces: null, rules: { v: 1, version: 'r-2' } };
    await callAs({ origin, key: plane.ann.keys.admin }, 'PUT', '/v1/rules', rules);
    const behind = { configVersion: 'r-1', lagFrames: 1_204, lagSegments: 2, alarms: 3 };
    const forwarders = [
      await connectAgent(
        door,
        { kind: 'forwarder', name: 'echoplane-forwarder-0', cluster: 'staging' },
        behind,
      ),
      await connectAgent(
        door,
        { kind: 'forwarder', name: 'echoplane-forwarder-0', cluster: 'production' },
        {
          configVersion: 'r-2',
        },
      ),
    ];
    for (const { stream } of forwarders) closing.push(() => stream.drop());
    const named = {
      kind: 'inspector',
      name: 'echoplane-inspector-6c9d8b7f4-x2x9q',
      cluster: 'staging',
    } as const;
    const inspector = new StandInInspector(door, await connectAgent(door, named), [
      workload('cart', { ...recorded, pods: 3, injectedPods: 2 }),
      workload('orders', { ...recorded, pods: 2, injectedPods: 2 }),
      workload('payments'),
      workload('catalogue', { kind: 'StatefulSet', pods: 1 }),
      workload('coredns', { namespace: 'kube-system' }),
    ]);
    closing.push(() => inspector.stop());
    const browser: Browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ARGS,
      timeout: PATIENCE_MS,
    });
    closing.push(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(PATIENCE_MS);
    return new ClustersPageStage({ plane, origin, door, page, inspector }, closing);
  }

  async signIn(path: string): Promise<void> {
    await this.page.goto(`${this.origin}${path}`);
    await this.page.getByRole('textbox', { name: 'E-mail' }).fill(this.plane.ann.email);
    await this.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }

  /** Changes what who is signed in may do. */
  async becomes(role: 'viewer' | 'admin'): Promise<void> {
    const sql = `UPDATE echoplane.memberships SET role = '${role}' WHERE tenant_id = '${this.plane.ann.id}'`;
    await this.plane.postgres.asSuperuser(this.plane.database, sql);
  }

  /** How many commands are still to be answered. */
  async unanswered(): Promise<number> {
    const sql = "SELECT count(*)::int AS n FROM echoplane.commands WHERE state IN ('waiting', 'running')";
    return (await this.plane.postgres.asSuperuser(this.plane.database, sql)).rows[0].n;
  }

  /** A replay under way. */
  async newReplay(name: string): Promise<string> {
    const { id: snapshot } = await callAs<{ id: string }>(
      ...[{ ...this.door, key: this.plane.ann.keys.editor }, 'POST', '/v1/snapshots', { name, query: {} }],
    );
    const made = `UPDATE echoplane.jobs SET state = 'succeeded' WHERE subject = '${snapshot}'`;
    await this.plane.postgres.asSuperuser(this.plane.database, made);
    const replay = await callAs<{ id: string }>(
      ...[this.door, 'POST', '/v1/replays', { name, snapshot, mode: 'full' }],
    );
    return replay.id;
  }

  /** The replay has ended, with this report. */
  async ended(replay: string, report: Report): Promise<void> {
    const { withTenant, ann } = this.plane;
    const made = [ann.id, replay, report.verdict, report.successRate, JSON.stringify({ ...report, replay })];
    await withTenant(ann.id, async (db) => {
      await db.query(
        'INSERT INTO reports (tenant_id, replay_id, verdict, success_rate, report) VALUES ($1, $2, $3, $4, $5)',
        made,
      );
      await db.query("UPDATE replays SET phase = 'succeeded', finished_at_us = 1 WHERE id = $1", [replay]);
    });
  }

  /** As a replay's collector sends them. */
  async observe(replay: string, observations: readonly object[]): Promise<void> {
    const body = { observations: observations.map((one) => ({ replay, ...one })) };
    await callAs(this.door, 'POST', `/v1/ingest/replays/${replay}/observations`, body);
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
  }
}

/** Two minutes of two pods: one is killed for memory and started again, one has a chatty log. */
export function observedPods(startUs: number): object[] {
  const of = (pod: string, container: string) => ({ namespace: 'shop', pod, container });
  const cart = of('cart-7d9f4c5b6-abcde', 'cart');
  const sidecar = of('cart-7d9f4c5b6-abcde', 'echoplane-sidecar');
  const metrics = Array.from({ length: 24 }, (_, n) => n).flatMap((n) => [
    {
      ...{ kind: 'metric', ts: startUs + n * 5 * SECOND_US, ...cart, memoryBytes: 120e6 + n * 4e6 },
      cpuMillicores: n === 0 ? null : 150 + 90 * Math.sin(n / 3),
    },
    {
      ...{
        kind: 'metric',
        ts: startUs + n * 5 * SECOND_US + 400_000,
        ...sidecar,
        memoryBytes: 61e6 + n * 2e5,
      },
      cpuMillicores: n === 0 ? null : 22 + (n % 4),
    },
  ]);
  const event = (second: number, type: string, reason: string, message: string, count = 1) => ({
    ...{ kind: 'event', ts: startUs + second * SECOND_US, namespace: 'shop', type, reason, message, count },
    object: { kind: 'Pod', name: cart.pod },
  });
  const logs = Array.from({ length: 250 }, (_, n) => ({
    ...{ kind: 'log', ts: startUs + n * 400_000, ...(n % 5 === 0 ? sidecar : cart) },
    line: `{"level":"info","request":${n},"path":"/cart/items","msg":"answered"}`,
  }));
  return [
    ...metrics,
    event(1, 'Normal', 'Scheduled', 'Successfully assigned shop/cart-7d9f4c5b6-abcde to node-1'),
    event(2, 'Normal', 'Started', 'Started container cart'),
    event(60, 'Normal', 'Started', 'Started container cart', 2),
    event(59, 'Warning', 'OOMKilling', 'Memory cgroup out of memory: Killed process 4711 (node)'),
    ...logs,
  ];
}
