// A snapshot of a private store with other edits: analyzed anew from its own recording, into the folder of the command. Whoever
// reads the old folder keeps a whole one: the control plane points to the new one when it has the outcome, and the old one is
// removed when the next edits come.
import type { CommandBody } from '@echoplane/api';
import { type MadeSnapshot, type ReanalyzeWork, reanalyze, removeObjects } from '@echoplane/archive';
import { snapshotPrefix } from '@echoplane/traffic';

export interface EditWork extends Pick<ReanalyzeWork, 'store' | 'progress' | 'signal'> {
  tenant: string;
  /** Id of the command; the same one writes the same folder, however often it is begun. */
  command: string;
  body: Extract<CommandBody, { kind: 'edit-snapshot' }>;
}

/** Makes the snapshot anew, all of it or nothing, and removes what earlier commands left of it. */
export async function editSnapshot({ tenant, command, body, ...work }: EditWork): Promise<MadeSnapshot> {
  const { snapshot, from } = body;
  const folder = snapshotPrefix(tenant, snapshot);
  const prefix = `${folder}${command}/`;
  const made = await reanalyze({ ...work, from, prefix, edits: body.edits });
  // Ids sort by time: what a later command writes is never taken away by an earlier one that is late.
  await removeObjects(work.store, folder, (key) => key < prefix && !key.startsWith(from));
  return made;
}
