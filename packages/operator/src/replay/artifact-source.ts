// Where the files of a snapshot come from: the control plane, or the customer's own store through the forwarder; the rules
// and the sealed vault only ever from the forwarder. It must not know who asks.
import { ArtifactName } from '@echoplane/traffic';
import { orNull } from './or-null.ts';
import type { ReplayContext } from './replay-context.ts';

export interface OpenArtifact {
  sizeBytes: number | null;
  /** To be read or cancelled. */
  bytes: ReadableStream<Uint8Array>;
}

type Source = Pick<ReplayContext, 'cloud' | 'forwarder'>;

/** Null when there is none by this name. Rejects when whoever has it cannot be asked. */
export async function openArtifact(
  { cloud, forwarder }: Source,
  snapshot: string,
  name: string,
  signal: AbortSignal,
): Promise<OpenArtifact | null> {
  if (name === 'vault.jsonl') return forwarder.vault(signal);
  if (name === 'rules.json') return textArtifact(JSON.stringify(await forwarder.rules(signal)));
  const file = ArtifactName.safeParse(name);
  if (!file.success) return null;
  const { storeAccess, prefix } = await cloud.call('snapshot', { params: { id: snapshot } }, signal);
  if (storeAccess === 'private')
    return prefix === null ? null : forwarder.artifact(prefix, file.data, signal);
  const answer = await orNull(
    cloud.stream('artifact', { params: { id: snapshot, name: file.data } }, signal),
  );
  if (!answer?.body) return null;
  const length = answer.headers.get('content-length');
  // A compressed answer is unpacked on the way, and its length is not that of the file.
  const isWhole = answer.headers.get('content-encoding') === null;
  return { sizeBytes: length !== null && isWhole ? Number(length) : null, bytes: answer.body };
}

function textArtifact(text: string): OpenArtifact {
  const bytes = Buffer.from(text);
  return { sizeBytes: bytes.length, bytes: new Blob([bytes]).stream() };
}
