// The operator's own settings; what is to be installed is in `install.json` (`InstallConfig`). Each field is read from
// `ECHOPLANE_…`; the chart sets them.

import { INSTALL_NAMESPACE, PORTS } from '@echoplane/resources';
import { field, programFields } from '@echoplane/runtime';
import { z } from 'zod';

export const operatorConfig = z.object({
  namespace: field.text().default(INSTALL_NAMESPACE).describe('namespace of the installation'),
  podName: field.text().describe('name of this pod, its identity as a leader'),
  host: field
    .text()
    .default('0.0.0.0')
    .describe('address on which webhooks, artifacts and the admin page are served'),
  webhookPort: field
    .port()
    .default(PORTS.webhooks)
    .describe('port of the admission webhooks; 0 takes a free one'),
  artifactPort: field
    .port()
    .default(PORTS.artifacts)
    .describe('port at which the pods of a replay fetch what they need; 0 takes a free one'),
  adminPort: field
    .port()
    .default(PORTS.admin)
    .describe('port of /healthz, /readyz, /metrics; 0 takes a free one'),
  installFile: field.text().describe('install.json: what is to be installed'),
  apiKey: field.secret().describe('key with the role agent, made in the control plane'),
  kubeconfig: field
    .text()
    .optional()
    .describe('kubeconfig file, outside a cluster; inside, the service account is used'),
  webhookUrl: field
    .url()
    .optional()
    .describe(
      'address at which the API server reaches the webhooks, instead of the Service: outside a cluster',
    ),
  forwarderUrl: field
    .url()
    .optional()
    .describe("address of the forwarder's cluster face, instead of its Service: outside a cluster"),
  leaseMs: field
    .integer(1_000, 600_000)
    .default(10_000)
    .describe('time after which leadership may be taken from a silent leader (ms)'),
  ...programFields,
});
export type OperatorConfig = Readonly<z.output<typeof operatorConfig>>;
