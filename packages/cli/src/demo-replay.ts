// One replay of the demo: a fresh shop on an empty database, its dependencies alive or stood in for, the generator, and
// the report.
import type { ReportDetail } from '@echoplane/api';
import { type DemoWorld, startShop, startSidecar } from './demo-services.ts';
import { choosePort } from './ports.ts';
import { finishReplay, generate, openReplay, shipped, startResponder } from './replay-run.ts';

export interface DemoReplay {
  name: string;
  snapshot: string;
  build: 'v1' | 'v2';
  database: string;
  /** `stopped`: the responder stands in for them. */
  dependencies: 'alive' | 'stopped';
  baseline?: string;
}

/** Runs a replay to its report. `note` is told what happens. */
export async function runReplay(
  world: DemoWorld,
  options: DemoReplay,
  note: (text: string) => void,
): Promise<ReportDetail> {
  const { session, plane } = world;
  const { supervisor, signal } = session;
  const place = { homeDir: session.home.dir, plane, supervisor, signal };
  const { name, snapshot, build, baseline } = options;
  const isAlive = options.dependencies === 'alive';
  const open = await openReplay(
    place,
    { name, snapshot, buildTag: build, ...(baseline === undefined ? {} : { baseline }) },
    isAlive ? 'tests-only' : 'full',
  );
  const { id } = open.replay;
  note('starting a fresh shop');
  const outPort = await choosePort(undefined);
  const outbound = isAlive
    ? await startSidecar(world, {
        ...{ name: `sidecar-${id}`, mode: 'forward', outPort },
        tags: { replay: id },
      })
    : await startResponder(open, outPort);
  const port = await choosePort(undefined);
  const shop = await startShop(world, {
    ...{ name: `shop-${id}`, port, proxyPort: outPort },
    ...{ build, database: options.database },
  });
  const run = await generate(open, `http://127.0.0.1:${port}`, note);
  await supervisor.stop(shop);
  await supervisor.stop(outbound);
  note('analyzing');
  return finishReplay(open, run, shipped(outbound));
}
