// The forwarder's configuration; each field is read from `ECHOPLANE_…` (see runtime's config).
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
  adminPort: field
    .port()
    .default(0)
    .describe('port of /healthz, /readyz, /metrics, /status and POST /flush; 0 takes a free one'),
  spoolDir: field.text().describe('folder for what is not yet in the object store; it must survive restarts'),
  storeDir: field.text().describe('folder that stands for the object store'),
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
    .default(256 << 10)
    .describe('a frame of this size is written at once (bytes of NDJSON)'),
  spoolMaxBytes: field
    .integer(1 << 20, Number.MAX_SAFE_INTEGER)
    .default(8 * 2 ** 30)
    .describe('above this the spool takes nothing more until segments are shipped (bytes)'),
  fsync: field
    .flag()
    .default(true)
    .describe('true or false: whether acknowledged means on the disk; false trusts the page cache'),
  ...programFields,
});
export const ForwarderConfig = Fields.superRefine(checkTls);
export type ForwarderConfig = Readonly<z.output<typeof ForwarderConfig>>;

/** All three files or none; and nobody sends recorded traffic over a network in plain text, or without saying who it is. */
function checkTls(config: z.output<typeof Fields>, context: z.RefinementCtx): void {
  const files = ['tlsCertFile', 'tlsKeyFile', 'tlsClientCaFile'] as const;
  const missing = files.filter((name) => config[name] === undefined);
  const isPlain = missing.length === files.length;
  if (isPlain && isLoopbackHost(config.host)) return;
  for (const name of missing) {
    const message = isPlain ? `streams to ${config.host} need TLS` : 'missing';
    context.addIssue({ code: 'custom', path: [name], message });
  }
}
