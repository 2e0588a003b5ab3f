// The generator's configuration: one zod object over the environment (`ECHOPLANE_TARGET_URL`, …), parsed once.
// It must not read the environment itself.
import { checkForwarderAddress, field, programFields, shippingFields } from '@echoplane/runtime';
import { z } from 'zod';

/** Where the requests go; `host` is what stands in their Host header. */
export interface Target {
  hostname: string;
  port: number;
  host: string;
}

export const generatorConfig = z
  .object({
    targetUrl: z
      .string()
      .transform(parseTarget)
      .describe('address of the service under test, http://host:port without a path'),
    testsFile: field.text().describe('the snapshot artifact tests.jsonl'),
    tokensFile: field.text().describe('the snapshot artifact tokens.json'),
    vaultDir: field
      .text()
      .optional()
      .describe(
        'folder of the credential vault; without it credentials that were redacted are sent as their tokens',
      ),
    vaultKeyFile: field
      .text()
      .optional()
      .describe('private key that opens the vault; without it vault.key of its folder'),
    replayId: z.uuid().describe('id of the replay, a UUID; every result carries it as a tag'),
    concurrency: field
      .integer(1, 10_000)
      .default(8)
      .describe('virtual users, each with one session at a time'),
    thinkFactor: field
      .number(0, 1000)
      .default(0)
      .describe('recorded pauses of a session are kept times this factor'),
    timeoutMs: field
      .integer(1, 3_600_000)
      .default(10_000)
      .describe('time for one response, in ms from when its request was due'),
    startTimeoutMs: field
      .integer(0, 600_000)
      .default(5_000)
      .describe('how long a target that refuses connections at the start is waited for, in ms'),
    bodyLimitBytes: field
      .integer(1024, 8 << 20)
      .default(1 << 20)
      .describe('bytes kept of each body; the rest is counted'),
    drainMs: field
      .integer(0, 600_000)
      .default(30_000)
      .describe('time for the last results to be acknowledged, in ms'),
    ...shippingFields,
    resultFile: field.text().optional().describe('where the summary of the run is written as JSON'),
    ...programFields,
  })
  .superRefine(checkForwarderAddress);
export type GeneratorConfig = Readonly<z.output<typeof generatorConfig>>;

function parseTarget(text: string, context: z.RefinementCtx): Target {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return refuse('it is not a URL');
  const url = new URL(text);
  if (url.protocol === 'https:')
    return refuse('https targets are not supported yet, name its http:// address');
  if (url.protocol !== 'http:') return refuse(`${url.protocol} is not a protocol that can be replayed`);
  if (url.pathname !== '/' || url.search || url.username)
    return refuse('it holds more than a host and a port');
  // URL keeps the brackets of an IPv6 address, which a Host header needs and a dial does not.
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { hostname, port: Number(url.port || 80), host: url.host };
}
