// Where the files of a snapshot are read: those of a private one in the store of the data plane on this machine, all others
// at the control plane.
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ApiClient, ApiError } from '@echoplane/api';
import { folderStore, ObjectMissing } from '@echoplane/runtime';
import type { ArtifactName } from '@echoplane/traffic';
import { PRIVATE_STORE } from './plane.ts';

/** Opens the files of the snapshot as it is now; what it gives throws when there is no such file (`isMissingArtifact`). */
export async function artifactSource(
  client: ApiClient,
  homeDir: string,
  id: string,
): Promise<(name: ArtifactName) => Promise<Readable>> {
  const { storeAccess, prefix } = await client.call('snapshot', { params: { id } });
  if (storeAccess === 'private') {
    const store = await folderStore(join(homeDir, PRIVATE_STORE));
    return (name) => store.stream(`${prefix}${name}`);
  }
  return async (name) => {
    const response = await client.stream('artifact', { params: { id, name } });
    return Readable.fromWeb(response.body! as never);
  };
}

/** Whether the snapshot just has no such file. */
export function isMissingArtifact(err: unknown): boolean {
  return err instanceof ObjectMissing || (err instanceof ApiError && err.status === 404);
}
