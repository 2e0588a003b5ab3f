// Asks a webhook as an API server does: AdmissionReviews over TLS, on connections that are kept.
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { Obj } from '@echoplane/kube';
import { WEBHOOK_PATHS } from '@echoplane/resources';

export interface Reviewer {
  /** Asks about the creation of a pod; rejects unless it is let pass with changes. */
  review(pod: Obj): Promise<void>;
  close(): void;
}

const DEADLINE_MS = 2_000;

/** `roots`: PEM, as the webhook configuration has them. */
export function createReviewer(port: number, roots: string): Reviewer {
  const agent = new Agent({ keepAlive: true, ca: roots });
  let asked = 0;
  const review = async (pod: Obj) => {
    const body = JSON.stringify(reviewOf(pod, `bench-${asked++}`));
    const call = request({
      ...{ agent, host: '127.0.0.1', port, path: `${WEBHOOK_PATHS.pods}?timeout=2s`, method: 'POST' },
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    call.end(body);
    const [answer] = await once(call, 'response');
    const { response } = JSON.parse((await answer.toArray()).join(''));
    if (!response?.allowed || response.patch === undefined) throw new Error('the pod was not injected');
  };
  return { review, close: () => agent.destroy() };
}

function reviewOf(pod: Obj, uid: string): object {
  const { namespace, name } = pod.metadata;
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  return {
    ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
    request: {
      ...{ uid, kind, resource, requestKind: kind, requestResource: resource, name, namespace },
      ...{ operation: 'CREATE', userInfo: { username: 'bench', groups: ['system:authenticated'] } },
      ...{
        object: pod,
        oldObject: null,
        dryRun: false,
        options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
      },
    },
  };
}
