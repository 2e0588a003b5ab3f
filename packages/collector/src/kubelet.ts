// One page of a kubelet, asked directly: through the API server it would take nodes/proxy, which is as good as a shell on
// every node. The token goes out only after the kubelet showed a certificate of the cluster's own authority.
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Access } from '@echoplane/kube';

const PATH = '/metrics/resource';
/** A node has a few hundred containers, each a few hundred bytes. */
const MAX_PAGE_BYTES = 16 << 20;
const UNVERIFIED = new Set([
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ...[
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
  ],
  ...['CERT_SIGNATURE_FAILURE', 'CERT_REJECTED', 'INVALID_PURPOSE', 'ERR_TLS_CERT_ALTNAME_INVALID'],
]);

export interface Kubelet {
  /** Address of the node, as its pods tell it. */
  host: string;
  port: number;
  /** Name of the node: a kubelet's certificate may name either. */
  node: string;
}

/** Why a kubelet gave nothing, and what to do. */
export class KubeletError extends Error {
  readonly advice: string;

  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}

/** CPU and memory of the node's containers in Prometheus' text format. Rejects with KubeletError. */
export async function readKubelet(kubelet: Kubelet, access: Access, signal: AbortSignal): Promise<string> {
  const { headers, tls } = await access.credentials();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({
      // What the access says of the API server's name and of not looking holds for the API server alone.
      ...{ ca: tls.ca, cert: tls.cert, key: tls.key, passphrase: tls.passphrase },
      ...{ rejectUnauthorized: true, minVersion: 'TLSv1.2' as const, agent: false },
      checkServerIdentity: (_: string, certificate: PeerCertificate) => identity(kubelet, certificate),
      ...{ host: kubelet.host, port: kubelet.port, path: PATH, headers, signal },
    })
      .on('response', resolve)
      .on('error', (err) => reject(unreachable(kubelet, err)))
      .end();
  });
  const text = await pageOf(answer).catch((err) => {
    throw unreachable(kubelet, err);
  });
  if (answer.statusCode === 200) return text;
  const advice = 'let the service account echoplane-replay get nodes/metrics';
  throw new KubeletError(`${answer.statusCode} ${text.trim().slice(0, 200)}`, advice);
}

function identity({ host, node }: Kubelet, certificate: PeerCertificate): Error | undefined {
  const wrong = checkServerIdentity(host, certificate);
  return wrong && (checkServerIdentity(node, certificate) ? wrong : undefined);
}

async function pageOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_PAGE_BYTES) throw new Error(`its page is over ${MAX_PAGE_BYTES} bytes`);
  }
  return text;
}

function unreachable({ host, port }: Kubelet, err: NodeJS.ErrnoException): KubeletError {
  const isUnverified = UNVERIFIED.has(err.code ?? '');
  const advice = isUnverified
    ? "give kubelets certificates of the cluster's authority (serverTLSBootstrap: true, and approve their CSRs)"
    : `let pods of this namespace reach port ${port} of the nodes`;
  const what = isUnverified
    ? 'its certificate is not of the cluster’s authority, so no token was sent: '
    : '';
  return new KubeletError(`${host}:${port}: ${what}${err.message || err.code}`, advice, { cause: err });
}
