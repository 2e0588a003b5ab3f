// Secrets of ours: read, decoded, and written only against the version that was read, so that of two operators the later
// one looks again instead of overwriting. It must not know what is in them.
import { type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { MANAGED_LABEL, MANAGED_VALUE } from '@echoplane/resources';
import type { SecretTexts } from './certificate-plan.ts';

/** What to write; null: it is good as it is. */
export type SecretChange = (texts: SecretTexts) => Promise<Record<string, string> | null>;

const MAX_ATTEMPTS = 5;

/** The decoded text of a Secret's keys; empty when there is none. */
export function textsOf(secret: Obj | null | undefined): SecretTexts {
  const data: Record<string, string> = secret?.data ?? {};
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

/**
 * Brings a Secret to what `change` makes of its texts and gives the texts as they then are. Looks again when somebody else
 * wrote in between; keys that `change` does not name are removed.
 */
export async function keepSecret(
  client: KubeClient,
  ref: { namespace: string; name: string },
  change: SecretChange,
): Promise<SecretTexts> {
  for (let attempt = 1; ; attempt++) {
    const present = await client.get(RESOURCES.secrets, ref);
    const texts = textsOf(present);
    const wanted = await change(texts);
    if (wanted === null) return texts;
    try {
      if (present) await client.replace(RESOURCES.secrets, { ...present, data: encoded(wanted) });
      else await client.create(RESOURCES.secrets, newSecret(ref, wanted));
      return wanted;
    } catch (err) {
      if ((err as { status?: number }).status !== 409 || attempt === MAX_ATTEMPTS) throw err;
    }
  }
}

function newSecret(
  { namespace, name }: { namespace: string; name: string },
  texts: Record<string, string>,
): Obj {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { [MANAGED_LABEL]: MANAGED_VALUE } },
    type: 'Opaque',
    data: encoded(texts),
  };
}

function encoded(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
}
