// The forwarder as it should be: a StatefulSet whose spool outlives its pod, its Service, and the ConfigMap of rules kept in
// git. Pure; the chart makes the service account and its rights.
import type { Obj } from '@echoplane/kube';
import { PORTS, SECRETS, SERVICES, WORKLOADS } from '@echoplane/resources';
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

/** ConfigMap with `rules.json`, of the ClusterCaptureConfig that has rules. */
export const RULES_CONFIG_MAP = 'echoplane-rules';

const SPOOL = '/var/lib/echoplane';
const KEYS = '/etc/echoplane';
/** Of the volume: the rest is for the ring and for what is being written. */
const SPOOL_SHARE = 0.6;
const RING_SHARE = 0.2;
const MIN_SPOOL_BYTES = 1 << 20;
const STOP_S = 60;

/** `rules`: the document, or null when those of the control plane hold. */
export function forwarderManifests(
  installation: Installation,
  rules: unknown,
): { statefulSet: Obj; service: Obj; rules: Obj | null } {
  const { namespace } = installation;
  const metadata = { name: WORKLOADS.forwarder, namespace, labels: labelsOf('forwarder') };
  return {
    statefulSet: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: statefulSetSpec(installation, rules !== null),
    },
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: SERVICES.forwarder },
      spec: {
        selector: labelsOf('forwarder'),
        ports: [
          { name: 'capture', port: PORTS.forwarder, targetPort: 'capture', protocol: 'TCP' },
          { name: 'cluster', port: PORTS.forwarderCluster, targetPort: 'cluster', protocol: 'TCP' },
        ],
      },
    },
    rules:
      rules === null
        ? null
        : {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: RULES_CONFIG_MAP, namespace, labels: labelsOf('forwarder') },
            data: { 'rules.json': JSON.stringify(rules) },
          },
  };
}

function statefulSetSpec(installation: Installation, hasRules: boolean): object {
  const { storage } = installation.install.forwarder;
  const spool = { name: 'spool' };
  return {
    replicas: 1,
    serviceName: SERVICES.forwarder,
    selector: { matchLabels: labelsOf('forwarder') },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    template: podTemplate(installation, 'forwarder', {
      terminationGracePeriodSeconds: STOP_S,
      containers: [container(installation, 'forwarder', containerParts(installation, hasRules))],
      volumes: [
        ...secretVolumes(hasRules),
        { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
        ...(storage.ephemeral ? [{ ...spool, emptyDir: { sizeLimit: storage.size } }] : []),
      ],
    }),
    ...(storage.ephemeral
      ? {}
      : {
          volumeClaimTemplates: [
            {
              apiVersion: 'v1',
              kind: 'PersistentVolumeClaim',
              metadata: spool,
              spec: {
                accessModes: ['ReadWriteOnce'],
                resources: { requests: { storage: storage.size } },
                ...(storage.className === undefined ? {} : { storageClassName: storage.className }),
              },
            },
          ],
        }),
  };
}

function containerParts(installation: Installation, hasRules: boolean): object {
  const { install } = installation;
  return {
    env: [
      ...env(settingsOf(installation, hasRules)),
      AGENT_NAME,
      {
        name: 'ECHOPLANE_AGENT_KEY',
        valueFrom: { secretKeyRef: { name: install.apiKeySecret, key: 'apiKey' } },
      },
      // Last, so that what the user sets wins.
      ...env(install.forwarder.env),
    ],
    envFrom: install.forwarder.envFromSecrets.map((name) => ({ secretRef: { name } })),
    ports: [
      { name: 'capture', containerPort: PORTS.forwarder },
      { name: 'cluster', containerPort: PORTS.forwarderCluster },
      ADMIN_PORT,
    ],
    volumeMounts: [
      { name: 'spool', mountPath: SPOOL },
      { name: 'tmp', mountPath: '/tmp' },
      ...['tls', 'redaction', 'vault'].map((name) => ({
        name,
        mountPath: `${KEYS}/${name}`,
        readOnly: true,
      })),
      ...(hasRules ? [{ name: 'rules', mountPath: `${KEYS}/rules`, readOnly: true }] : []),
    ],
  };
}

function settingsOf({ install, namespace }: Installation, hasRules: boolean): Record<string, string> {
  const sizeBytes = bytesOf(install.forwarder.storage.size);
  const set: Record<string, string> = {
    HOST: '0.0.0.0',
    PORT: String(PORTS.forwarder),
    CLUSTER_PORT: String(PORTS.forwarderCluster),
    ADMIN_PORT: String(PORTS.admin),
    SENDER_IDENTITY: 'token',
    NAMESPACE: namespace,
    TLS_CERT_FILE: `${KEYS}/tls/tls.crt`,
    TLS_KEY_FILE: `${KEYS}/tls/tls.key`,
    CLUSTER_CA_FILE: `${KEYS}/tls/ca.crt`,
    SPOOL_DIR: `${SPOOL}/spool`,
    VAULT_DIR: `${SPOOL}/vault`,
    REDACTION_KEY_FILE: `${KEYS}/redaction/redaction.key`,
    VAULT_PUBLIC_KEY_FILE: `${KEYS}/vault/vault.pub`,
    CLOUD_URL: install.cloudUrl,
    CLUSTER: install.clusterName,
    SHIP: install.forwarder.ship,
    STORE_ACCESS: install.storeAccess,
    SPOOL_MAX_BYTES: String(Math.max(MIN_SPOOL_BYTES, Math.floor(sizeBytes * SPOOL_SHARE))),
    RING_MAX_BYTES: String(Math.floor(sizeBytes * RING_SHARE)),
    ...(hasRules ? { RULES_FILE: `${KEYS}/rules/rules.json` } : {}),
  };
  const given = install.forwarder.env;
  return Object.fromEntries(
    Object.entries(set)
      .map(([name, value]) => [`ECHOPLANE_${name}`, value] as const)
      .filter(([name]) => given[name] === undefined),
  );
}

function secretVolumes(hasRules: boolean): object[] {
  const secret = (name: string, secretName: string, items?: object[]) => ({
    name,
    secret: { secretName, defaultMode: SECRET_MODE, ...(items ? { items } : {}) },
  });
  return [
    secret('tls', SECRETS.forwarderTls),
    secret('redaction', SECRETS.redaction),
    // It seals and cannot open: the private key is not for it.
    secret('vault', SECRETS.vault, [{ key: 'vault.pub', path: 'vault.pub' }]),
    ...(hasRules ? [{ name: 'rules', configMap: { name: RULES_CONFIG_MAP } }] : []),
  ];
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** Bytes of a quantity such as `10Gi`. */
export function bytesOf(quantity: string): number {
  const [, digits, unit = ''] = /^([0-9.]+(?:[eE][0-9]+)?)([kMGTP]i?)?$/.exec(quantity) ?? [];
  return Number(digits) * UNITS[unit]!;
}
