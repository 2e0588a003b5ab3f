// Manifests for the test of the node itself. Pure.
import type { KeyPairPem } from '@echoplane/runtime';
import { PROBE_IMAGE } from './images.ts';

export type Manifest = Record<string, unknown>;

/** A pod of one container; with a script, Node runs it. */
export function podSpec(image: string, memory: string, script?: string) {
  return {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        ...{ name: 'main', image, imagePullPolicy: 'Never' },
        resources: { limits: { memory } },
        ...(script !== undefined && { command: ['node', '-e', script] }),
      },
    ],
  };
}

/** A Deployment of two pods that answer with their name, and its Service. */
export function webDeployment(name: string): Manifest[] {
  const script =
    "require('http').createServer((_, answer) => answer.end(require('os').hostname())).listen(8080)";
  const spec = podSpec(PROBE_IMAGE, '128Mi', script);
  Object.assign(spec.containers[0]!, {
    name,
    readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 },
  });
  return [deployment(name, 2, spec), service(name, 80, 8080)];
}

/** A webhook that adds `data.by` to ConfigMaps labelled `hook=yes`, as a pod behind a Service. */
export function webhookObjects({ certPem, keyPem }: KeyPairPem, authorityPem: string): Manifest[] {
  const name = 'labeller';
  const spec = podSpec(PROBE_IMAGE, '128Mi', WEBHOOK);
  Object.assign(spec.containers[0]!, {
    env: [
      { name: 'CERT', value: certPem },
      { name: 'KEY', value: keyPem },
    ],
    readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1, timeoutSeconds: 10 },
  });
  const webhook = {
    name: 'labeller.echoplane.test',
    clientConfig: {
      service: { name, namespace: 'default' },
      caBundle: Buffer.from(authorityPem).toString('base64'),
    },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    objectSelector: { matchLabels: { hook: 'yes' } },
    ...{ admissionReviewVersions: ['v1'], sideEffects: 'None', timeoutSeconds: 5, failurePolicy: 'Ignore' },
  };
  return [
    deployment(name, 1, spec),
    service(name, 443, 8443),
    {
      ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration' },
      ...{ metadata: { name }, webhooks: [webhook] },
    },
  ];
}

const WEBHOOK = `require('https').createServer({ cert: process.env.CERT, key: process.env.KEY }, async (asked, answer) => {
  const { request } = JSON.parse((await asked.toArray()).join(''));
  const patch = Buffer.from(JSON.stringify([{ op: 'add', path: '/data', value: { by: 'webhook' } }])).toString('base64');
  const response = { uid: request.uid, allowed: true, patchType: 'JSONPatch', patch };
  answer.setHeader('content-type', 'application/json');
  answer.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
}).listen(8443)`;

function deployment(name: string, replicas: number, spec: unknown): Manifest {
  const template = { metadata: { labels: { app: name } }, spec };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
    spec: { replicas, selector: { matchLabels: { app: name } }, template },
  };
}

function service(name: string, port: number, targetPort: number): Manifest {
  return {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
    spec: { selector: { app: name }, ports: [{ port, targetPort }] },
  };
}
