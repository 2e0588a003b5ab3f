import { OperatingError } from '@echoplane/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ControlPlane,
  clock,
  log,
  startControlPlane,
  type TestTenant,
} from './control-plane.fixture.ts';
import { JobWait, type JobWork } from './job-context.ts';
import { enqueueJob, type HeldJob, renewLease } from './jobs.ts';
import { claimJob, doJob, JobBell, runWorker, type WorkerOptions } from './worker.ts';

let plane: ControlPlane;
let options: WorkerOptions;
const never = new AbortController().signal;

beforeAll(async () => {
  plane = await startControlPlane();
  const { platform, withTenant, store } = plane;
  options = { platform, withTenant, store, clock, log };
});
afterAll(() => plane?.stop());
beforeEach(() =>
  plane.postgres.asSuperuser(
    plane.database,
    "UPDATE echoplane.jobs SET state = 'cancelled' WHERE state IN ('queued', 'running')",
  ),
);

const claim = () => claimJob(plane.platform, clock);
const newJob = (tenant: TestTenant) =>
  plane.withTenant(tenant.id, (db) =>
    enqueueJob(db, { tenant: tenant.id, kind: 'snapshot', subject: crypto.randomUUID() }, clock),
  );

async function jobRow(
  job: HeldJob,
): Promise<{ state: string; message: string | null; attempts: number; waiting_since: Date | null }> {
  const sql = 'SELECT state, message, attempts, waiting_since FROM jobs WHERE id = $1';
  return (await plane.withTenant(job.tenant, (db) => db.query(sql, [job.id]))).rows[0];
}

/** What a killed worker leaves: a lease nobody renews. */
const expireLeases = () =>
  plane.postgres.asSuperuser(
    plane.database,
    "UPDATE echoplane.jobs SET lease_until = now() - interval '1 second' WHERE state = 'running'",
  );
const makeDue = () =>
  plane.postgres.asSuperuser(plane.database, 'UPDATE echoplane.jobs SET run_after = now()');

describe('claiming', () => {
  test('two workers at once never get the same job', async () => {
    for (let i = 0; i < 30; i++) await newJob(i % 2 ? plane.ann : plane.bob);
    // Both connections are open, and neither goes on before the other has its answer: they claim at once, each time.
    const open = await Promise.all([plane.platform.connect(), plane.platform.connect()]);
    for (const client of open) client.release();
    const [one, two]: [string[], string[]] = [[], []];
    for (;;) {
      const [first, second] = await Promise.all([claim(), claim()]);
      if (first) one.push(first.id);
      if (second) two.push(second.id);
      if (!first && !second) break;
    }
    expect(one.length).toBeGreaterThan(0);
    expect(two.length).toBeGreaterThan(0);
    expect(new Set([...one, ...two]).size).toBe(30);
    expect(one.length + two.length).toBe(30);
  });

  test('serves tenants in turn, however many jobs one of them has', async () => {
    for (let i = 0; i < 5; i++) await newJob(plane.ann);
    await newJob(plane.bob);
    const tenants = [await claim(), await claim(), await claim()].map((job) => job!.tenant);
    expect(new Set(tenants.slice(0, 2)).size).toBe(2);
    expect(tenants[2]).toBe(plane.ann.id);
  });

  test('a job whose worker was killed is claimed again, and fails after five lives', async () => {
    await newJob(plane.ann);
    for (let attempt = 1; attempt <= 5; attempt++) {
      const job = await claim();
      expect(job?.attempts).toBe(attempt);
      expect(await claim()).toBeNull();
      await expireLeases();
      if (attempt === 5) {
        expect(await claim()).toBeNull();
        expect(await jobRow(job!)).toMatchObject({
          state: 'failed',
          message: expect.stringContaining('five times'),
        });
      }
    }
  });

  test('leaves no tenant set behind', async () => {
    await newJob(plane.ann);
    const db = await plane.platform.connect();
    await db.query('BEGIN');
    await db.query('SELECT 1 FROM platform_claim_job()');
    expect((await db.query("SELECT current_setting('app.tenant_id', true) AS t")).rows[0].t).toBe('');
    await db.query('COMMIT');
    db.release();
  });
});

describe('a job', () => {
  async function done(work: JobWork): Promise<{ job: HeldJob; row: Awaited<ReturnType<typeof jobRow>> }> {
    await newJob(plane.ann);
    const job = (await claim())!;
    await doJob(options, job, never, { snapshot: work, report: work });
    return { job, row: await jobRow(job) };
  }
  const fail = (err: Error) => async () => {
    throw err;
  };

  test('that waits is queued again and keeps its attempt', async () => {
    const { row } = await done(fail(new JobWait('waiting for rain')));
    expect(row).toMatchObject({
      state: 'queued',
      attempts: 0,
      message: 'waiting for rain',
      waiting_since: expect.any(Date),
    });
  });

  test('that fails for a reason a person can act on is not tried again', async () => {
    const { row } = await done(fail(new OperatingError('x', 'Do this.')));
    expect(row).toMatchObject({ state: 'failed', message: 'Do this.' });
  });

  test('that breaks is tried five times', async () => {
    const { job, row } = await done(fail(new Error('boom')));
    expect(row).toMatchObject({ state: 'queued', attempts: 1 });
    for (let attempt = 2; attempt <= 5; attempt++) {
      await makeDue();
      await doJob(options, (await claim())!, never, {
        snapshot: fail(new Error('boom')),
        report: fail(new Error('boom')),
      });
    }
    expect(await jobRow(job)).toMatchObject({
      state: 'failed',
      attempts: 5,
      message: expect.stringContaining('boom'),
    });
  });

  test('of a worker that stops is free for the next one at once', async () => {
    await newJob(plane.ann);
    const stop = new AbortController();
    const work: JobWork = async ({ signal }) => {
      stop.abort();
      signal.throwIfAborted();
      return async () => {};
    };
    await doJob(options, (await claim())!, stop.signal, { snapshot: work, report: work });
    expect(await claim()).toMatchObject({ attempts: 1 });
  });

  test('whose lease another worker took stores nothing', async () => {
    await newJob(plane.ann);
    const late = (await claim())!;
    await expireLeases();
    const taken = (await claim())!;
    expect(taken.id).toBe(late.id);
    let stored = false;
    const work: JobWork = async () => async () => {
      stored = true;
    };
    await doJob(options, late, never, { snapshot: work, report: work });
    expect(stored).toBe(false);
    expect(await jobRow(taken)).toMatchObject({ state: 'running' });
  });

  const leftSeconds = async (job: HeldJob) => {
    const sql = 'SELECT extract(epoch FROM lease_until - now())::float8 AS s FROM jobs WHERE id = $1';
    return (await plane.withTenant(job.tenant, (db) => db.query(sql, [job.id]))).rows[0].s as number;
  };

  test('renews its lease whenever it says how far it is, and for longer before it keeps the thread', async () => {
    await newJob(plane.ann);
    const job = (await claim())!;
    const left: number[] = [];
    const work: JobWork = async ({ progress }) => {
      for (const busySeconds of [0, 500]) {
        await expireLeases();
        await progress(0.5, 'on it', busySeconds);
        left.push(await leftSeconds(job));
        expect(await claim()).toBeNull();
      }
      await plane.withTenant(job.tenant, (db) => renewLease(db, job));
      left.push(await leftSeconds(job));
      return async () => {};
    };
    await doJob(options, job, never, { snapshot: work, report: work });
    expect(await jobRow(job)).toMatchObject({ state: 'succeeded' });
    expect(left[0]).toBeGreaterThan(30);
    expect(left[0]).toBeLessThanOrEqual(60);
    for (const seconds of left.slice(1)) expect(seconds).toBeGreaterThan(500);
  });

  test('takes back what it left when its result is not stored, and only then', async () => {
    const undone: string[] = [];
    const leaves =
      (name: string, end: () => Promise<void>): JobWork =>
      async ({ ifNotStored }) => {
        ifNotStored(async () => void undone.push(name));
        await end();
        return async () => {};
      };
    await done(leaves('stored', async () => {}));
    await done(leaves('failed', fail(new OperatingError('x', 'Do this.'))));
    await done(
      leaves('lost', async () => {
        await expireLeases();
        await claim();
      }),
    );
    expect(undone).toEqual(['failed', 'lost']);
  });

  test('that is put in wakes the worker before its poll', async () => {
    const bell = new JobBell(plane.platformUrl);
    const stop = new AbortController();
    const started = Promise.withResolvers<void>();
    const waited = bell.wait(60_000, stop.signal, {
      ...clock,
      sleep: (ms, signal) => {
        started.resolve();
        return clock.sleep(ms, signal);
      },
    });
    await started.promise;
    await newJob(plane.ann);
    await waited;
    expect(stop.signal.aborted).toBe(false);
    await bell.close();
  });
});

test('a running worker does what is put in and ends when it is told to', async () => {
  const stop = new AbortController();
  const worker = runWorker(options, (ms, signal) => clock.sleep(Math.min(ms, 20), signal), stop.signal);
  // No such snapshot: the work breaks, and that is written down.
  await newJob(plane.ann);
  const read = () =>
    plane.withTenant(plane.ann.id, (db) =>
      db.query("SELECT 1 FROM jobs WHERE state = 'queued' AND attempts > 0"),
    );
  await expect.poll(async () => (await read()).rowCount).toBe(1);
  stop.abort();
  await worker;
});
