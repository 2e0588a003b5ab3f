// A plane that another process runs ("echoplane up"), as the commands that work on its recordings see it.
import { join, resolve } from 'node:path';
import type { ApiClient } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import { clientFor, flushForwarder, type PlaneFile } from './plane.ts';
import { runningPlane } from './traffic.ts';

export interface RunningPlane extends PlaneFile {
  homeDir: string;
  client: ApiClient;
  /** Closes the open segment and waits until it is shipped and indexed. */
  flush(): Promise<void>;
}

/** The plane that runs in a home. Throws OperatingError when none does. */
export async function openPlane(homeDir: string): Promise<RunningPlane> {
  const file = await runningPlane(homeDir);
  const client = clientFor(file);
  await client.call('services', {}).catch((cause) => {
    if (!(cause instanceof TypeError)) throw cause;
    const message = `The control plane at ${file.url} does not answer; is "echoplane up" still running in ${join(resolve(homeDir))}?`;
    throw new OperatingError('plane_down', message, { cause });
  });
  return {
    ...file,
    ...{ homeDir: resolve(homeDir), client },
    flush: () => flushForwarder(file.forwarderAdminPort),
  };
}
