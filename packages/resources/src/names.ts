// Every name by which our things are known in a cluster: annotations, labels, ports, Services, Secrets. A name that two
// programs or a chart must agree on is written here and nowhere else; the charts are held against it by a test.

export const GROUP = 'echoplane.dev';
export const VERSION = 'v1';
export const API_VERSION = `${GROUP}/${VERSION}`;
/** Namespace of the installation, unless the chart says otherwise. */
export const INSTALL_NAMESPACE = 'echoplane';
/** Field manager of every server-side apply of the operator. */
export const FIELD_MANAGER = 'echoplane-operator';
/** The one finalizer: what was changed is put back before the object goes. */
export const FINALIZER = `${GROUP}/restore`;

/** Prefix of the settings on a workload or pod template; see `settings.ts`. */
export const SIDECAR_PREFIX = 'sidecar.echoplane.dev/';
export const INJECT_ANNOTATION = `${SIDECAR_PREFIX}inject`;
/** On the pod template: the settings as JSON, resolved by the workload webhook. Never holds versions. */
export const RESOLVED_ANNOTATION = `${SIDECAR_PREFIX}resolved`;
/** On template and pod: what the pod webhook selects by. */
export const INJECT_LABEL = `${SIDECAR_PREFIX}inject`;
/** On an injected pod: what was added to it, as JSON (`InjectionStatus`). */
export const STATUS_ANNOTATION = `${SIDECAR_PREFIX}status`;
/** On a manifest that was injected offline: the RFC 6902 patch that takes it back. */
export const INVERSE_ANNOTATION = `${SIDECAR_PREFIX}inverse`;
/** Label or annotation on a workload, label on a namespace: hands off, always. */
export const IGNORE_KEY = 'operator.echoplane.dev/ignore';

export const REPLAY_PREFIX = 'replay.echoplane.dev/';
/** On a pod template: the TrafficReplay (its UID) this rollout is wired to. The only thing a replay adds to a workload. */
export const RUN_ANNOTATION = `${REPLAY_PREFIX}run`;
/** Label on a namespace in which replays may roll workloads: "true". */
export const ALLOWED_LABEL = `${REPLAY_PREFIX}allowed`;
/** On a Deployment that is applied: replay this snapshot against the rollout. */
export const SNAPSHOT_ANNOTATION = `${REPLAY_PREFIX}snapshot`;
export const TEST_CONFIG_ANNOTATION = `${REPLAY_PREFIX}test-config`;
/** Label on everything a replay creates: the UID of its TrafficReplay. */
export const REPLAY_LABEL = `${REPLAY_PREFIX}id`;
/** Annotation on a Secret of the install namespace: comma list of namespaces whose replays may refer to it. */
export const SECRET_NAMESPACES_ANNOTATION = `${REPLAY_PREFIX}namespaces`;

/** Label on everything the chart or the operator creates. */
export const MANAGED_LABEL = 'app.kubernetes.io/part-of';
export const MANAGED_VALUE = 'echoplane';
/** `operator`, `forwarder`, `inspector`, `responder`, `generator`, `collector`. */
export const COMPONENT_LABEL = 'app.kubernetes.io/component';

export const PORTS = {
  /** Loopback of a pod. */
  outbound: 4140,
  inbound: 4143,
  /** Health and metrics of a sidecar, on the pod's address; never redirected. */
  sidecarAdmin: 4145,
  diagnostics: 4100,
  /** Capture streams, TLS. */
  forwarder: 4150,
  /** The forwarder's face in the cluster: mutual TLS, see `forwarder-face.ts`. */
  forwarderCluster: 4151,
  /** Health and metrics of forwarder, operator, inspector, responder. */
  admin: 4152,
  /** The responder takes the sidecars' connections (PROXY v2). */
  responder: 4160,
  /** Admission webhooks. */
  webhooks: 9443,
  /** Artifacts and the start of a replay's pods; HTTPS, service-account tokens. */
  artifacts: 9444,
} as const;

/** Services of the install namespace. `operator`: 443 → webhooks, 9444 → artifacts. */
export const SERVICES = {
  operator: 'echoplane-operator',
  forwarder: 'echoplane-forwarder',
} as const;

/** Workloads and service accounts of the install namespace share these names. */
export const WORKLOADS = {
  operator: 'echoplane-operator',
  forwarder: 'echoplane-forwarder',
  inspector: 'echoplane-inspector',
  /** Service account of generator, responder and collector pods. */
  replay: 'echoplane-replay',
} as const;

/** Secrets of the install namespace, and their keys. */
export const SECRETS = {
  /** From the chart: `apiKey`. */
  cloud: 'echoplane-cloud',
  /** Root of everything inside the installation: `tls.crt`, `tls.key`; while it rotates also `previous.crt`. Operator only. */
  internalCa: 'echoplane-internal-ca',
  /** `tls.crt`, `tls.key`, `ca.crt` each. */
  operatorTls: 'echoplane-operator-tls',
  forwarderTls: 'echoplane-forwarder-tls',
  inspectorTls: 'echoplane-inspector-tls',
  /** `redaction.key`: what the forwarder redacts with and the responder matches with. */
  redaction: 'echoplane-redaction',
  /** `vault.key` (generator only), `vault.pub`. */
  vault: 'echoplane-vault',
} as const;

/**
 * In each namespace with injected pods: `tls.crt`, `tls.key` (its own interception CA, P-256) and `forwarder-ca.crt`
 * (roots for the forwarder and the artifact endpoint: the internal CA, and while it rotates the one before).
 */
export const NAMESPACE_CA_SECRET = 'echoplane-ca';
export const FORWARDER_CA_KEY = 'forwarder-ca.crt';

/** ConfigMap of the install namespace with `install.json` (`InstallConfig`), from the chart; mounted into the operator. */
export const INSTALL_CONFIG_MAP = 'echoplane-install';

/** Audience of the projected service-account tokens of sidecars and replay pods. */
export const TOKEN_AUDIENCE = 'echoplane';
/** The sidecar's own user and group, exempt from redirection. */
export const SIDECAR_UID = 4140;

/** Containers and volumes that injection adds to a pod. */
export const CONTAINERS = {
  init: 'echoplane-init',
  sidecar: 'echoplane-sidecar',
  hold: 'echoplane-hold',
} as const;
export const VOLUMES = {
  ca: 'echoplane-ca',
  trust: 'echoplane-trust',
  state: 'echoplane-state',
  token: 'echoplane-token',
} as const;

/** Webhook configurations (cluster-scoped). */
export const WEBHOOK_CONFIGURATION = 'echoplane';
/** Paths on the webhook server. */
export const WEBHOOK_PATHS = {
  pods: '/pods',
  workloads: '/workloads',
  validateWorkloads: '/validate-workloads',
  replays: '/replays',
  validateReplays: '/validate-replays',
  captureConfigs: '/validate-capture-configs',
} as const;
