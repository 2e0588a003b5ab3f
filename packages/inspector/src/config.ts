// The inspector's settings; each field is read from `ECHOPLANE_…`. The operator sets them.
import { INSTALL_NAMESPACE, PORTS } from '@echoplane/resources';
import { field, programFields } from '@echoplane/runtime';
import { z } from 'zod';

export const inspectorConfig = z.object({
  namespace: field.text().default(INSTALL_NAMESPACE).describe('namespace of the installation'),
  cluster: field.text().max(253).default('local').describe('name of the cluster in the control plane'),
  agentName: field.text().default('inspector').describe('name of this inspector for people, such as its pod'),
  version: field.text().default('0.0.0').describe('version of the installation'),
  forwarderUrl: field
    .url()
    .describe("address of the forwarder's cluster face, such as https://echoplane-forwarder:4151"),
  caFile: field.text().describe('PEM roots for the forwarder'),
  certFile: field.text().describe('our PEM client certificate'),
  keyFile: field.text().describe('the PEM private key of that certificate'),
  host: field.text().default('127.0.0.1').describe('address of the admin page'),
  adminPort: field
    .port()
    .default(PORTS.admin)
    .describe('port of /healthz, /readyz, /metrics; 0 takes a free one'),
  kubeconfig: field
    .text()
    .optional()
    .describe('kubeconfig file, outside a cluster; inside, the service account is used'),
  ...programFields,
});
export type InspectorConfig = Readonly<z.output<typeof inspectorConfig>>;
