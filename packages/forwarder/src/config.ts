// The forwarder's configuration; each field is read from `ECHOPLANE_…` (see runtime's config).
import { field, programFields } from '@echoplane/runtime';
import { HopReport } from '@echoplane/traffic';
import { z } from 'zod';

export const ForwarderConfig = z.object({
  host: field
    .text()
    .default('127.0.0.1')
    .describe('address on which capture streams and the admin page are served'),
  port: field.port().default(4150).describe('port for capture streams; 0 takes a free one'),
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
export type ForwarderConfig = Readonly<z.output<typeof ForwarderConfig>>;
