// Events on objects, as `kubectl describe` shows them. The same event of the same object is one Event with a count: its name
// is derived from what it says, so what was said before is remembered by the API server and by nobody here.
import { createHash } from 'node:crypto';
import type { KubeClient, Meta, Obj } from './contract.ts';
import { isConflict, isNotFound } from './kube-error.ts';
import { RESOURCES } from './resources.ts';

export interface EventToRecord {
  /** What it is about. */
  regarding: { apiVersion: string; kind: string; metadata: Pick<Meta, 'name' | 'namespace' | 'uid'> };
  type: 'Normal' | 'Warning';
  /** CamelCase. */
  reason: string;
  message: string;
  /** Who says it, such as `echoplane-operator`. */
  component: string;
}

/** Bounds of the API. */
const MAX_MESSAGE = 1024;
const MAX_NAME = 253;
const HASH_CHARS = 16;

/** Says something about an object. Never rejects: an event that cannot be written is told to `onError` and is gone. */
export async function recordEvent(
  client: Pick<KubeClient, 'create' | 'get' | 'patch'>,
  event: EventToRecord,
  onError: (err: unknown) => void = () => {},
): Promise<void> {
  try {
    const now = new Date().toISOString();
    const { namespace = 'default' } = event.regarding.metadata;
    const name = nameOf(event);
    if (await countUp(client, { namespace, name }, now)) return;
    try {
      await client.create(RESOURCES.events, eventObject(event, { namespace, name }, now));
    } catch (err) {
      // Another of us was first.
      if (!isConflict(err)) throw err;
      await countUp(client, { namespace, name }, now);
    }
  } catch (err) {
    onError(err);
  }
}

/** Counts an event that is there; a count that somebody else raised in between stays as it is. */
async function countUp(
  client: Pick<KubeClient, 'get' | 'patch'>,
  ref: { namespace: string; name: string },
  now: string,
): Promise<boolean> {
  const known = await client.get(RESOURCES.events, ref);
  if (!known) return false;
  const { resourceVersion } = known.metadata;
  const patch = { metadata: { resourceVersion }, count: Number(known.count ?? 1) + 1, lastTimestamp: now };
  try {
    await client.patch(RESOURCES.events, ref, patch, { type: 'merge' });
    return true;
  } catch (err) {
    if (isNotFound(err)) return false;
    if (isConflict(err)) return true;
    throw err;
  }
}

function nameOf({ regarding, type, reason, message, component }: EventToRecord): string {
  const { namespace = '', name, uid = '' } = regarding.metadata;
  const said = JSON.stringify([regarding.kind, namespace, name, uid, type, reason, message, component]);
  const hash = createHash('sha256').update(said).digest('hex').slice(0, HASH_CHARS);
  const start = name.slice(0, MAX_NAME - HASH_CHARS - 1).replace(/[^a-z0-9]+$/, '');
  return `${start}.${hash}`;
}

function eventObject(
  { regarding, type, reason, message, component }: EventToRecord,
  { namespace, name }: { namespace: string; name: string },
  now: string,
): Obj {
  const { apiVersion, kind, metadata } = regarding;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name },
    involvedObject: {
      apiVersion,
      kind,
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
    },
    type,
    reason,
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message,
    source: { component },
    reportingComponent: component,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
  };
}
