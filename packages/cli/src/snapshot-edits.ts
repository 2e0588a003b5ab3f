// `echoplane snapshot edit` and `snapshot recommendations`: what users change of a snapshot, after which its recording is
// analyzed anew. It must not know what an edit does.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { GivenEdits, SnapshotEdits } from '@echoplane/analyzer';
import type { ApiClient } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import { ARTIFACTS, type ArtifactName } from '@echoplane/traffic';
import { type Recommendation, Recommendations } from '@echoplane/transforms';
import { artifactSource, isMissingArtifact } from './artifact-source.ts';
import { pollUntil } from './poll.ts';
import { openPlane } from './running-plane.ts';
import { snapshotNamed } from './snapshot-named.ts';

const DEADLINE_MS = 3_600_000;
/** Recommendations that are printed without `--all`. */
const MAX_SHOWN = 20;

type Print = (line: string) => void;

/** Puts a file of edits in the place of those before. */
export async function editSnapshot(
  { homeDir, snapshot, file }: { homeDir: string; snapshot: string; file: string },
  print: Print,
): Promise<number> {
  const { client } = await openPlane(homeDir);
  const { id } = await snapshotNamed(client, snapshot);
  await storeEdits(client, id, await readEdits(file));
  print(`Snapshot ${id} was analyzed anew with ${file}.`);
  return 0;
}

/** Lists what the analyzer recommends, of many the first; applies those in `apply`. */
export async function showRecommendations(
  {
    homeDir,
    snapshot,
    apply,
    isAll,
  }: { homeDir: string; snapshot: string; apply: readonly string[]; isAll: boolean },
  print: Print,
): Promise<number> {
  const plane = await openPlane(homeDir);
  const { client } = plane;
  const { id } = await snapshotNamed(client, snapshot);
  const open = await artifactSource(client, plane.homeDir, id);
  const listed = await readArtifact(open, ARTIFACTS.recommendations);
  const { recommendations } = Recommendations.parse(JSON.parse(listed ?? '{"v":1,"recommendations":[]}'));
  const edits = SnapshotEdits.parse(JSON.parse((await readArtifact(open, ARTIFACTS.edits)) ?? '{}'));
  const unknown = apply.filter((wanted) => !recommendations.some((one) => one.id === wanted));
  if (unknown.length > 0) {
    const message = `The snapshot has no recommendation ${unknown.join(', ')}; "echoplane snapshot recommendations ${id}" lists them.`;
    throw new OperatingError('no_recommendation', message);
  }
  const decided = {
    ...edits.recommendations,
    ...Object.fromEntries(apply.map((one) => [one, 'applied' as const])),
  };
  const shown = isAll ? recommendations : recommendations.slice(0, MAX_SHOWN);
  for (const one of shown) printOne(one, decided[one.id], print);
  if (shown.length < recommendations.length)
    print(`… and ${recommendations.length - shown.length} more: with --all.`);
  if (recommendations.length === 0) print('There is nothing to recommend.');
  if (apply.length === 0) return 0;
  await storeEdits(client, id, { ...edits, recommendations: decided });
  print(`Applied ${apply.length}; the snapshot was analyzed anew.`);
  return 0;
}

function printOne(
  { id, title, why, needs }: Recommendation,
  decided: string | undefined,
  print: Print,
): void {
  print(`${id}${decided === undefined ? '' : ` (${decided})`}  ${title}`);
  print(`  ${why}`);
  for (const { kind, name, what } of needs) print(`  needs the ${kind} ${name}: ${what}`);
}

async function readEdits(file: string): Promise<SnapshotEdits> {
  let read: unknown;
  try {
    read = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new OperatingError('bad_edits', `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  const edits = GivenEdits.safeParse(read);
  if (edits.success) return edits.data;
  const problems = edits.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the file'}: ${message}`,
  );
  throw new OperatingError('bad_edits', `${file} holds no edits: ${problems.join('; ')}.`);
}

/** Stores them and waits until the snapshot was analyzed with them. */
async function storeEdits(client: ApiClient, id: string, edits: SnapshotEdits): Promise<void> {
  await client.call('editSnapshot', { params: { id }, body: edits as never });
  const { state, message } = await pollUntil(
    () => client.call('snapshot', { params: { id } }),
    (snapshot) => snapshot.state !== 'queued' && snapshot.state !== 'running',
    { deadlineMs: DEADLINE_MS, what: 'the snapshot', signal: AbortSignal.timeout(DEADLINE_MS) },
  );
  if (state === 'succeeded') return;
  throw new OperatingError(
    'no_snapshot',
    `The snapshot ${state}: ${(message ?? 'no reason given').replace(/\.$/, '')}. Correct the edits.`,
  );
}

/** Null when the snapshot has no such file. */
async function readArtifact(
  open: Awaited<ReturnType<typeof artifactSource>>,
  name: ArtifactName,
): Promise<string | null> {
  try {
    return await text(await open(name));
  } catch (err) {
    if (isMissingArtifact(err)) return null;
    throw err;
  }
}
