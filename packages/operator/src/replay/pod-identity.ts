// Which pod of which replay a service-account token belongs to, as the API server says; remembered for a minute, because
// waiting generators ask twice a second.
import { createHash } from 'node:crypto';
import { RESOURCES } from '@echoplane/kube';
import { COMPONENT_LABEL, REPLAY_LABEL, TOKEN_AUDIENCE, WORKLOADS } from '@echoplane/resources';
import type { ArtifactContext } from './artifact-routes.ts';
import type { Role } from './replay-pods.ts';

export interface PodIdentity {
  name: string;
  /** UID of its TrafficReplay. */
  replay: string;
  role: Role;
  /** Its readiness is written on the pod. */
  saidReady: boolean;
}

const KEPT_US = 60_000_000;
/** Tokens remembered; the oldest goes first. */
const MAX_KEPT = 1_000;
const MAX_TOKEN_CHARS = 16_384;
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

interface Review {
  status?: {
    authenticated?: boolean;
    audiences?: string[];
    user?: { username?: string; extra?: Record<string, string[]> };
  };
}

/** Null for every token that is not of a replay's pod in the namespace of the installation. */
export function podIdentities(
  context: Pick<ArtifactContext, 'client' | 'clock' | 'config'>,
): (token: string) => Promise<PodIdentity | null> {
  const kept = new Map<string, { pod: PodIdentity; untilUs: number }>();
  return async (token) => {
    if (token.length > MAX_TOKEN_CHARS) return null;
    const hash = createHash('sha256').update(token).digest('base64');
    const nowUs = context.clock.nowUs();
    const known = kept.get(hash);
    if (known && known.untilUs > nowUs) return known.pod;
    kept.delete(hash);
    const pod = await review(context, token);
    if (!pod) return null;
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
    kept.set(hash, { pod: { ...pod, saidReady: known?.pod.saidReady ?? false }, untilUs: nowUs + KEPT_US });
    return kept.get(hash)!.pod;
  };
}

async function review(
  { client, config }: Pick<ArtifactContext, 'client' | 'config'>,
  token: string,
): Promise<PodIdentity | null> {
  const { namespace } = config;
  const body = {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' },
    spec: { token, audiences: [TOKEN_AUDIENCE] },
  };
  const { status } = await client.call<Review>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    body,
  });
  const account = `system:serviceaccount:${namespace}:${WORKLOADS.replay}`;
  if (!status?.authenticated || !status.audiences?.includes(TOKEN_AUDIENCE)) return null;
  if (status.user?.username !== account) return null;
  const name = status.user.extra?.[POD_NAME]?.[0];
  if (name === undefined) return null;
  const pod = await client.get(RESOURCES.pods, { namespace, name });
  if (!pod || pod.metadata.uid !== status.user.extra?.[POD_UID]?.[0]) return null;
  const { [REPLAY_LABEL]: replay, [COMPONENT_LABEL]: role } = pod.metadata.labels ?? {};
  return replay && role ? { name, replay, role: role as Role, saidReady: false } : null;
}
