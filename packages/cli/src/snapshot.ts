// `echoplane snapshot`: recorded traffic of a running plane becomes tests and mocks.
import type { ApiClient, Snapshot } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import type { TrafficQuery } from '@echoplane/traffic';
import { pollUntil } from './poll.ts';
import { openPlane } from './running-plane.ts';

const DEADLINE_MS = 3_600_000;

export interface SnapshotOptions {
  homeDir: string;
  name: string;
  query: TrafficQuery;
}

/** Makes a snapshot and prints what it holds. */
export async function runSnapshot(options: SnapshotOptions, print: (line: string) => void): Promise<number> {
  const plane = await openPlane(options.homeDir);
  // What was recorded a moment ago belongs to it.
  await plane.flush();
  const query = { ...options.query, ...(await wholeService(plane.client, options.query.service)) };
  const snapshot = await takeSnapshot(plane.client, { ...options, query }, AbortSignal.timeout(DEADLINE_MS));
  const { pairs, tests, mocks, sessions, tokens, skipped } = snapshot.manifest!.counts;
  print(`Snapshot ${snapshot.id}`);
  print(`  ${pairs} RRPairs: ${tests} tests of ${sessions} sessions, ${mocks} mocks, ${tokens} tokens`);
  for (const [reason, count] of Object.entries(skipped)) print(`  ${count} RRPairs left out: ${reason}`);
  for (const note of snapshot.summary?.notes ?? []) print(`  ${note}`);
  if (tests === 0) print('  It holds no test: no request came in to the service.');
  else print(`Replay it: echoplane replay --snapshot '${options.name}' --target http://127.0.0.1:PORT`);
  return 0;
}

/** Makes a snapshot and waits until it is whole. Throws OperatingError when it failed. */
export async function takeSnapshot(
  client: ApiClient,
  { name, query }: { name: string; query: TrafficQuery },
  signal: AbortSignal,
): Promise<Snapshot> {
  const { id } = await client.call('createSnapshot', { body: { name, query } });
  const snapshot = await pollUntil(
    () => client.call('snapshot', { params: { id } }),
    ({ state }) => state !== 'queued' && state !== 'running',
    { deadlineMs: DEADLINE_MS, what: 'the snapshot', signal },
  );
  if (snapshot.state === 'succeeded' && snapshot.manifest) return snapshot;
  throw new OperatingError(
    'no_snapshot',
    `The snapshot ${snapshot.state}: ${(snapshot.message ?? 'no reason given').replace(/\.+$/, '')}.`,
  );
}

/** A service may be named by its last part where that is enough: `cart` for `laptop/default/cart`. */
async function wholeService(
  client: ApiClient,
  service: string | undefined,
): Promise<Pick<TrafficQuery, 'service'>> {
  if (service === undefined) return {};
  const { items } = await client.call('services', {});
  const known = items.map((item) => item.service);
  const meant = known.filter((name) => name === service || name.endsWith(`/${service}`));
  if (meant.length === 1) return { service: meant[0]! };
  throw new OperatingError(
    'which_service',
    meant.length > 1
      ? `Several services are called ${service}: ${meant.join(', ')}. Name one of them in full.`
      : `No service ${service} was recorded; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ') || 'none'}.`,
  );
}
