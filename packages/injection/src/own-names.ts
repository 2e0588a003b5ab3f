// Names and places of what injection adds, beside those of `resources`, which others know too.

/** Below this everything of ours is mounted, in our containers and in the app's. */
export const MOUNTS = {
  ca: '/var/run/echoplane/ca',
  trust: '/var/run/echoplane/trust',
  state: '/var/run/echoplane/state',
  token: '/var/run/echoplane/token',
  tlsIn: '/var/run/echoplane/tls-in',
  tlsClient: '/var/run/echoplane/tls-client',
  upstreamCa: '/var/run/echoplane/upstream-ca',
} as const;
/** Files that `sidecar init` writes into the trust folder. */
export const TRUST_FILES = {
  bundle: `${MOUNTS.trust}/ca-bundle.pem`,
  truststore: `${MOUNTS.trust}/truststore.jks`,
} as const;
/** Volumes that only some settings need. */
export const SETTING_VOLUMES = {
  tlsIn: 'echoplane-tls-in',
  tlsClient: 'echoplane-tls-client',
  upstreamCa: 'echoplane-upstream-ca',
} as const;
