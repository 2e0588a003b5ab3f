// Finds the snapshot that a user means. It must not know what is done with it.
import type { ApiClient, Snapshot } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';

const MAX_LISTED = 10;

/** By id, else the newest of that name. Throws OperatingError, which lists what there is. */
export async function snapshotNamed(
  client: Pick<ApiClient, 'call'>,
  wanted: string,
): Promise<Pick<Snapshot, 'id' | 'name' | 'state' | 'message'>> {
  const { items } = await client.call('snapshots', {});
  const found =
    items.find(({ id }) => id === wanted.toLowerCase()) ?? items.find(({ name }) => name === wanted);
  if (found) return found;
  const names = [...new Set(items.map(({ name }) => name))].slice(0, MAX_LISTED).join(', ');
  throw new OperatingError(
    'no_such_snapshot',
    `There is no snapshot ${wanted}; ${names === '' ? 'make one with "echoplane snapshot"' : `there are ${names}`}.`,
  );
}
