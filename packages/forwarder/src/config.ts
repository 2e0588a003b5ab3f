// The forwarder's configuration; each field is read from `ECHOPLANE_…` (see runtime's config).

import { StoreAccess } from '@echoplane/api';
import { checkStore, storeFields } from '@echoplane/archive';
import { INSTALL_NAMESPACE } from '@echoplane/resources';
import { field, isLoopbackHost, programFields } from '@echoplane/runtime';
import { HopReport } from '@echoplane/traffic';
import { z } from 'zod';

const file = (what: string) => field.text().optional().describe(`path of ${what}`);

const Fields = z.object({
  host: field
    .text()
    .default('127.0.0.1')
    .describe('address on which capture streams and the admin page are served'),
  port: field.port().default(4150).describe('port for capture streams; 0 takes a free one'),
  tlsCertFile: file('our PEM certificate; with it capture streams are TLS'),
  tlsKeyFile: file('the PEM private key of that certificate'),
  tlsClientCaFile: file('PEM roots for the certificates that senders must show'),
  senderIdentity: z
    .enum(['certificate', 'token'])
    .default('certificate')
    .describe(
      'how senders say who they are: by a certificate of those roots, or, in a cluster, by the service-account token of their pod',
    ),
  clusterPort: field
    .port()
    .optional()
    .describe(
      'port for operator, inspector and collectors, HTTPS with that certificate; 0 takes a free one, without it there is none',
    ),
  clusterCaFile: file('PEM roots for the client certificates of operator and inspector'),
  namespace: field
    .text()
    .default(INSTALL_NAMESPACE)
    .describe('namespace of the installation, in which the pods of replays run'),
  kubeconfig: file(
    'a kubeconfig for asking the API server, outside a cluster; inside, the service account is used',
  ),
  adminPort: field
    .port()
    .default(0)
    .describe(
      'port of /healthz, /readyz, /metrics, /status, /discoveries and POST /flush; 0 takes a free one',
    ),
  spoolDir: field.text().describe('folder for what is not yet in the object store; it must survive restarts'),
  ...storeFields,
  ship: z
    .enum(['store', 'presigned', 'upload', 'firehose'])
    .default('store')
    .describe(
      'how segments leave: put into the store with our credentials, put to a URL that the control plane signs, uploaded to the control plane, or record by record through Firehose',
    ),
  firehoseStream: field.text().optional().describe('delivery stream, with ship=firehose'),
  firehoseRegion: field.text().optional().describe('AWS region of that stream'),
  firehoseEndpoint: field.url().optional().describe('endpoint of Firehose, when it is not that of AWS'),
  storeAccess: StoreAccess.default('delegated').describe(
    'delegated: the control plane reads the store; private: it never does, and work on the store is done here',
  ),
  cloudUrl: field.url().describe('origin of the control plane, such as http://127.0.0.1:8080'),
  agentKey: field.secret().describe('key with the role agent, made in the control plane'),
  service: HopReport.shape.service
    .default('forwarder')
    .describe('the name under which this forwarder reports its counters'),
  segmentMaxBytes: field
    .integer(1 << 10, 1 << 30)
    .default(64 << 20)
    .describe('a segment of this size is closed and shipped (bytes)'),
  segmentMaxAgeMs: field
    .integer(100, 86_400_000)
    .default(60_000)
    .describe('a segment of this age is closed and shipped (ms)'),
  frameMaxDelayMs: field
    .integer(1, 60_000)
    .default(500)
    .describe('longest wait of a pair for the write that makes it durable (ms)'),
  frameMaxBytes: field
    .integer(1 << 10, 32 << 20)
    .default(512 << 10)
    .describe('a frame of this size is written at once (characters of NDJSON)'),
  spoolMaxBytes: field
    .integer(1 << 20, Number.MAX_SAFE_INTEGER)
    .default(8 * 2 ** 30)
    .describe('at this size the oldest segment that was not shipped is given up, and counted (bytes)'),
  fsync: field
    .flag()
    .default(true)
    .describe('true or false: whether acknowledged means on the disk; false trusts the page cache'),
  ringMaxBytes: field
    .integer(0, Number.MAX_SAFE_INTEGER)
    .default(2 * 2 ** 30)
    .describe('disk for recent traffic kept after it was shipped or held back; 0 keeps none (bytes)'),
  catchUpBytesPerS: field
    .integer(1 << 10, Number.MAX_SAFE_INTEGER)
    .default(16 << 20)
    .describe('after an outage, how fast older segments are shipped beside live ones (bytes/s)'),
  rulesFile: file(
    'a rules document (JSON); without it the rules of the control plane hold, else the defaults',
  ),
  cloudMayWeaken: field
    .flag()
    .default(false)
    .describe(
      'true or false: whether rules of the control plane may also let through what redaction takes out by default',
    ),
  redactionKeyFile: file(
    'the redaction key, 32 random bytes in base64; without it one is made in the spool folder at the first start',
  ),
  vaultDir: file('the folder for sealed request credentials; without it they are kept in the spool folder'),
  vaultPublicKeyFile: file(
    'the public key that request credentials are sealed with; without it a key pair is made beside them at the first start',
  ),
  guardShare: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe('share of frames that the independent guard looks through after redaction, 0 to 1'),
  otlpUrl: field.url().optional().describe('OTLP/HTTP collector of your own, such as http://collector:4318'),
  otlpHeaders: field
    .secret()
    .optional()
    .describe('headers for that collector, name=value separated by commas'),
  otlpSignals: z.enum(['logs', 'traces', 'both']).default('both').describe('what is exported there'),
  otlpRulesFile: file('a rules document of its own for that export; without it the rules above hold'),
  senderGoneMs: field
    .integer(100, 86_400_000)
    .default(60_000)
    .describe('a sender away for so long has crashed: what it had not handed over is counted as lost (ms)'),
  agentName: field.text().default('forwarder').describe('name of this forwarder for people, such as its pod'),
  cluster: field.text().max(253).default('local').describe('cluster this forwarder works for'),
  ...programFields,
});
/** Run even when a field is missing, so that every problem is told at once. */
const ALL_AT_ONCE = { when: () => true };
/** A record of Firehose takes 1,000 KiB; a frame that does not compress at all must fit. */
const MAX_FIREHOSE_FRAME_BYTES = 900 << 10;

export const ForwarderConfig = Fields.superRefine((config, context) => {
  checkTls(config, context);
  checkStore(config, context, { needed: config.ship === 'store' || config.storeAccess === 'private' });
  if (config.ship === 'firehose') checkFirehose(config, context);
}, ALL_AT_ONCE);
export type ForwarderConfig = Readonly<z.output<typeof ForwarderConfig>>;

function checkFirehose(
  { firehoseStream, frameMaxBytes }: z.output<typeof Fields>,
  context: z.RefinementCtx,
): void {
  const objection = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (firehoseStream === undefined) objection('firehoseStream', 'missing');
  if (frameMaxBytes > MAX_FIREHOSE_FRAME_BYTES)
    objection('frameMaxBytes', `with ship=firehose at most ${MAX_FIREHOSE_FRAME_BYTES}`);
}

/**
 * Certificate, key and, where senders show certificates, roots: all or none; and nobody sends recorded traffic over a
 * network in plain text, or without saying who it is.
 */
function checkTls(config: z.output<typeof Fields>, context: z.RefinementCtx): void {
  const { senderIdentity, clusterPort, tlsClientCaFile, host } = config;
  const objection = (path: keyof typeof config, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  const own = ['tlsCertFile', 'tlsKeyFile'] as const;
  const wanted = senderIdentity === 'token' ? own : ([...own, 'tlsClientCaFile'] as const);
  if (senderIdentity === 'token' && tlsClientCaFile !== undefined)
    objection('tlsClientCaFile', 'senders that show tokens are asked for no certificate: leave it out');
  if (clusterPort !== undefined && config.clusterCaFile === undefined) objection('clusterCaFile', 'missing');
  const missing = wanted.filter((name) => config[name] === undefined);
  const mayBePlain = isLoopbackHost(host) && senderIdentity === 'certificate' && clusterPort === undefined;
  const isPlain = missing.length === wanted.length;
  if (isPlain && mayBePlain) return;
  for (const name of missing)
    objection(name, isPlain && !isLoopbackHost(host) ? `streams to ${host} need TLS` : 'missing');
}
