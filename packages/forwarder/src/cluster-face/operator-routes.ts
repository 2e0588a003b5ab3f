// What the operator asks for: how the forwarder does, the rules, the sealed vault, files of snapshots in the customer's
// store, a flush, and word of what changes.
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AddressNames, FACE_PATHS, type FaceStatus } from '@echoplane/resources';
import { ObjectMissing, type ObjectStore } from '@echoplane/runtime';
import { ArtifactName } from '@echoplane/traffic';
import type { FaceRoute } from './cluster-face.ts';
import { FaceProblem, type FaceRequest, readJson, sendJson } from './face-request.ts';
import { type StateSource, serveState } from './state-events.ts';

export interface OperatorSources extends StateSource {
  tenant: string;
  store: ObjectStore | null;
  /** Path of the sealed credentials. */
  vaultFile: string;
  status(): FaceStatus;
  /** The rules document in force. */
  rules(): unknown;
  /** What addresses are called. */
  names: { replace(names: AddressNames): void };
  /** Writes what was sealed, so that the file has it. */
  flushVault(): Promise<void>;
  flush(deadlineMs: number): Promise<boolean>;
}

const FLUSH_DEADLINE_MS = 25_000;
/** The longest addresses and names there may be would be 6 MiB; none are. */
const MAX_NAMES_BYTES = 4 << 20;

/** Routes for the operator; the status is for the inspector too, and events are shared with the inspector, whose part is `inspectorEvents`. */
export function operatorRoutes(sources: OperatorSources, inspectorEvents: FaceRoute['handle']): FaceRoute[] {
  const get = (path: string, handle: FaceRoute['handle']): FaceRoute => ({
    ...{ method: 'GET', path, roles: ['operator'], handle },
  });
  return [
    {
      ...{ method: 'GET', path: FACE_PATHS.status, roles: ['operator', 'inspector'] },
      handle: async ({ response }) => sendJson(response, sources.status()),
    },
    get(FACE_PATHS.rules, async ({ response }) => sendJson(response, sources.rules())),
    get(FACE_PATHS.vault, (asked) => sendVault(asked, sources)),
    get(FACE_PATHS.artifacts, (asked) => sendArtifact(asked, sources)),
    {
      ...{ method: 'POST', path: FACE_PATHS.names, roles: ['operator'] },
      handle: async ({ request, response }) => {
        const named = await readJson(request, AddressNames, MAX_NAMES_BYTES);
        sources.names.replace(named);
        sendJson(response, { version: named.version });
      },
    },
    {
      ...{ method: 'POST', path: FACE_PATHS.flush, roles: ['operator'] },
      handle: async ({ response }) => sendJson(response, { flushed: await sources.flush(FLUSH_DEADLINE_MS) }),
    },
    {
      ...{ method: 'GET', path: FACE_PATHS.events, roles: ['operator', 'inspector'] },
      handle: (asked) => (asked.role === 'operator' ? serveState(asked, sources) : inspectorEvents(asked)),
    },
  ];
}

async function sendVault({ response, signal }: FaceRequest, sources: OperatorSources): Promise<void> {
  await sources.flushVault();
  const file = await open(sources.vaultFile, 'r').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') throw new FaceProblem('not_found', 'No credential was sealed yet.');
    throw err;
  });
  // Of the file as it is now: what is appended meanwhile is for the next one who asks.
  const { size } = await file.stat();
  const bytes = size === 0 ? Readable.from([]) : file.createReadStream({ end: size - 1 });
  if (size === 0) await file.close();
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'content-length': String(size) });
  await pipeline(bytes, response, { signal });
}

/** Only files of a snapshot of ours; the name decides, before the store is asked. */
async function sendArtifact(
  { url, response, signal }: FaceRequest,
  { store, tenant }: OperatorSources,
): Promise<void> {
  const key = keyOf(url.pathname.slice(FACE_PATHS.artifacts.length), tenant);
  if (key === null) throw new FaceProblem('not_found', 'There is no such file of a snapshot.');
  if (!store) {
    const detail = 'This forwarder has no credentials for the store; ask the control plane for the file.';
    throw new FaceProblem('not_found', detail);
  }
  try {
    const size = await store.size(key);
    const bytes = await store.stream(key);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(size) });
    await pipeline(bytes, response, { signal });
  } catch (err) {
    if (err instanceof ObjectMissing) throw new FaceProblem('not_found', 'The store has no such file.');
    throw err;
  }
}

/** `TENANT/snapshots/ID/NAME`, or null when the path is nothing of the kind. */
function keyOf(path: string, tenant: string): string | null {
  const [owner, folder, snapshot = '', name, ...more] = path.split('/');
  const isOurs = owner === tenant && folder === 'snapshots' && /^[0-9a-f-]{36}$/.test(snapshot);
  return isOurs && more.length === 0 && ArtifactName.safeParse(name).success ? path : null;
}
