// A service takes the exam: recorded as "echoplane record" does it while its clients use it, then replayed on an empty
// database with no configuration. It knows no particular service.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportDetail, Snapshot } from '@echoplane/api';
import { systemClock } from '@echoplane/runtime';
import type { TrafficQuery } from '@echoplane/traffic';
import type { Plane } from '../../packages/cli/src/plane.ts';
import { pollUntil } from '../../packages/cli/src/poll.ts';
import { startRecorder } from '../../packages/cli/src/record.ts';
import { finishReplay, generate, openReplay } from '../../packages/cli/src/replay-run.ts';
import type { Session } from '../../packages/cli/src/session.ts';
import { takeSnapshot } from '../../packages/cli/src/snapshot.ts';
import { launch } from './launch.ts';
import type { ExamService } from './service.ts';

const BOOKS_DEADLINE_MS = 60_000;

/** Puts something between the generator and the service: gives the address to send to instead of `targetUrl`. */
export type Wrap = (
  targetUrl: string,
  service: ExamService,
) => Promise<{ url: string; close(): Promise<void> }>;

export interface Exam {
  session: Session;
  plane: Plane;
  /** Where services are installed. */
  cacheDir: string;
  /** Where the folders of the starts are made. */
  workDir: string;
  wrap: Wrap | null;
}

/** Has the clients use the service through a sidecar. Gives the query that selects what was recorded. */
export async function record(
  { session, plane, ...exam }: Exam,
  service: ExamService,
  note: (text: string) => void,
): Promise<TrafficQuery> {
  const targetPort = await launch.freePort();
  note('starting');
  const running = await start({ session, plane, ...exam }, service, targetPort, 'recorded');
  try {
    const [inPort, outPort] = [await launch.freePort(), await launch.freePort()];
    const options = { name: service.name, targetPort, inPort, outPort, upstreamCaFiles: [] };
    const sidecar = await startRecorder(session.supervisor, plane, options);
    const clock = systemClock();
    const from = clock.nowUs();
    await service.drive(`http://127.0.0.1:${inPort}`, note, join(exam.cacheDir, service.name));
    await session.supervisor.stop(sidecar);
    await plane.flush();
    await pollUntil(
      () => plane.client.call('accounting', {}),
      ({ balanced }) => balanced,
      { deadlineMs: BOOKS_DEADLINE_MS, what: 'balanced books', signal: session.signal },
    );
    return { service: `laptop/default/${service.name}`, from, to: clock.nowUs() };
  } finally {
    await running.stop();
  }
}

/** Tests and mocks of what was recorded. */
export function analyze({ session, plane }: Exam, name: string, query: TrafficQuery): Promise<Snapshot> {
  return takeSnapshot(plane.client, { name, query }, session.signal);
}

/** Starts the service anew and sends the snapshot's tests to it. */
export async function replay(
  exam: Exam,
  service: ExamService,
  snapshot: string,
  note: (text: string) => void,
): Promise<ReportDetail> {
  const { session, plane } = exam;
  const { supervisor, signal } = session;
  const place = { homeDir: session.home.dir, plane, supervisor, signal };
  const open = await openReplay(place, { name: `exam ${service.name}`, snapshot }, 'tests-only');
  const port = await launch.freePort();
  note('starting');
  const running = await start(exam, service, port, open.replay.id);
  try {
    const target = `http://127.0.0.1:${port}`;
    const between = await exam.wrap?.(target, service);
    const run = await generate(open, between?.url ?? target, note).finally(() => between?.close());
    note('judging');
    return await finishReplay(open, run, 0);
  } finally {
    await running.stop();
  }
}

async function start(
  { cacheDir, workDir }: Exam,
  service: ExamService,
  port: number,
  name: string,
): Promise<{ stop(): Promise<void> }> {
  const dir = join(workDir, service.name, name);
  await mkdir(dir, { recursive: true });
  return service.start({ port, dir, cache: join(cacheDir, service.name), tools: launch });
}
