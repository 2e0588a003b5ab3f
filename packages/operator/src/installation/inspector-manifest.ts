// The inspector as it should be: a Deployment that reaches the control plane through the forwarder and nothing else. Pure;
// the chart makes the service account and its rights.
import type { Obj } from '@echoplane/kube';
import { PORTS, SECRETS, SERVICES, WORKLOADS } from '@echoplane/resources';
import { VERSION } from '../version.ts';
import {
  ADMIN_PORT,
  AGENT_NAME,
  container,
  env,
  type Installation,
  labelsOf,
  podTemplate,
  SECRET_MODE,
} from './pod-parts.ts';

const TLS = '/etc/echoplane/tls';

export function inspectorManifest(installation: Installation): Obj {
  const { install, namespace } = installation;
  const settings = {
    ECHOPLANE_HOST: '0.0.0.0',
    ECHOPLANE_ADMIN_PORT: String(PORTS.admin),
    ECHOPLANE_NAMESPACE: namespace,
    ECHOPLANE_CLUSTER: install.clusterName,
    ECHOPLANE_VERSION: VERSION,
    ECHOPLANE_FORWARDER_URL: `https://${SERVICES.forwarder}.${namespace}.svc:${PORTS.forwarderCluster}`,
    ECHOPLANE_CA_FILE: `${TLS}/ca.crt`,
    ECHOPLANE_CERT_FILE: `${TLS}/tls.crt`,
    ECHOPLANE_KEY_FILE: `${TLS}/tls.key`,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: WORKLOADS.inspector, namespace, labels: labelsOf('inspector') },
    spec: {
      replicas: 1,
      // Two would take the same commands.
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labelsOf('inspector') },
      template: podTemplate(installation, 'inspector', {
        containers: [
          container(installation, 'inspector', {
            env: [...env(settings), AGENT_NAME],
            ports: [ADMIN_PORT],
            volumeMounts: [{ name: 'tls', mountPath: TLS, readOnly: true }],
          }),
        ],
        volumes: [{ name: 'tls', secret: { secretName: SECRETS.inspectorTls, defaultMode: SECRET_MODE } }],
      }),
    },
  };
}
