// The responder's configuration: one zod object over the environment (`ECHOPLANE_MOCKS_FILE`, …), parsed once.
// It must not read the environment itself.
import {
  ALWAYS,
  artifactFields,
  checkArtifacts,
  checkForwarderAddress,
  field,
  programFields,
  Secret,
  shippingFields,
} from '@echoplane/runtime';
import { ResponderPlan } from '@echoplane/traffic';
import { z } from 'zod';
import { splitAuthority } from './channel.ts';
import { STATE_TIMEOUT_MS } from './state-store.ts';

const MAX_PORTS = 200;
const MAX_DESTINATIONS = 1_000;

/** `443`, or `443=14443` where a Service maps one port to another. */
const listenPorts = () =>
  field
    .list()
    .transform((items, context) =>
      items.slice(0, MAX_PORTS + 1).map((item) => {
        const [, recorded = '', listening] = /^(\d{1,5})(?:=(\d{1,5}))?$/.exec(item) ?? [];
        const ports = { recorded: Number(recorded), listening: Number(listening ?? recorded) };
        const isMeant = recorded !== '' && ports.recorded > 0 && Math.max(...Object.values(ports)) <= 65_535;
        if (!isMeant) context.addIssue({ code: 'custom', message: `${item} is not port or recorded=port` });
        return ports;
      }),
    )
    .refine((ports) => ports.length <= MAX_PORTS, `more than ${MAX_PORTS} ports`)
    .refine(
      (ports) => new Set(ports.map(({ recorded }) => recorded)).size === ports.length,
      'a port stands there twice',
    );

const destinations = () =>
  field
    .list()
    .transform((items, context) =>
      items.slice(0, MAX_DESTINATIONS + 1).map((item) => {
        const found = splitAuthority(item);
        if (!found) context.addIssue({ code: 'custom', message: `${item} is not host:port` });
        return { host: (found?.host ?? '').toLowerCase(), port: found?.port ?? 0 };
      }),
    )
    .refine((all) => all.length <= MAX_DESTINATIONS, `more than ${MAX_DESTINATIONS} destinations`);

const planText = () =>
  field.text().transform((text, context): ResponderPlan => {
    try {
      return ResponderPlan.parse(JSON.parse(text));
    } catch (error) {
      const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
      const message = issue
        ? `${issue.path.join('.') || 'the plan'}: ${issue.message}`
        : (error as Error).message;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  });

const AUTHORITY =
  'of the authority that signs for the hosts stood in for; needed by the forward proxy, and where no sidecar ends TLS';

export const responderConfig = z
  .object({
    host: field.text().default('127.0.0.1').describe('address of all listeners, 0.0.0.0 in a cluster'),
    port: field.port().default(0).describe('port of the forward proxy, 0 takes a free one'),
    sidecarPort: field
      .port()
      .optional()
      .describe("port of sidecars' connections, each with a PROXY header; 0 takes a free one"),
    listenPorts: listenPorts()
      .default([])
      .describe(
        'recorded ports of host aliases, on which connections arrive without a header: 80,443=14443 (recorded=listening)',
      ),
    passThrough: destinations()
      .default([])
      .describe('destinations behind those ports that are dialled for real: host:port,…'),
    adminPort: field
      .port()
      .default(0)
      .describe('port of health, metrics, misses, figures and drain, 0 takes a free one'),
    mocksFile: field
      .text()
      .optional()
      .describe('the snapshot artifact mocks.jsonl; without it artifacts are fetched'),
    caCertFile: field.text().optional().describe(`PEM certificate ${AUTHORITY}`),
    caKeyFile: field.text().optional().describe('PEM private key of that authority, PKCS #8'),
    redactionKeyFile: field
      .text()
      .optional()
      .describe('the key the recording was redacted with; without it requests are matched as they are sent'),
    rulesFile: field
      .text()
      .optional()
      .describe('the rules document of the recording; without it the default rules redact requests'),
    replayId: z
      .uuid()
      .optional()
      .describe('id of the replay, a UUID; every answered pair carries it as a tag'),
    latency: z
      .union([
        z.literal('recorded').transform(() => 1),
        z.literal('none').transform(() => 0),
        field.number(0, 1000),
      ])
      .default(1)
      .describe('time to the first byte of an answer: recorded, none, or a factor of the recorded one'),
    missStatus: field
      .integer(400, 599)
      .default(501)
      .describe('status of the answer to a request that matches no mock'),
    messageLimitBytes: field
      .integer(1024, 1 << 30)
      .default(16 << 20)
      .describe(
        'bytes of the largest WebSocket message that is heard; a longer one is a miss and ends its conversation',
      ),
    plan: planText()
      .optional()
      .describe(
        'how this replay answers, the responder part of the test config as JSON; goes before the settings here',
      ),
    planFile: field
      .text()
      .optional()
      .describe(
        'JSON with the responder part of the test config: latency, misses, chaos, generalised parameters; goes before the settings here',
      ),
    transformsFile: field
      .text()
      .optional()
      .describe('the transforms document of the snapshot; without it nothing is transformed'),
    secretsDir: field
      .text()
      .optional()
      .describe('folder with a folder for each secret and a file for each of its keys, for transforms'),
    dataDir: field.text().optional().describe('folder of files and data sets (NAME.csv), for transforms'),
    realHosts: destinations()
      .default([])
      .describe(
        'real hosts that may be asked for what no mock knows, when the plan’s missPolicy is passthrough or record: host:port,…',
      ),
    stateUrl: field
      .secret()
      .optional()
      .describe(
        'where several responders of one replay share its state, postgres://… or redis://…; without it every one is alone',
      ),
    stateTimeoutMs: field
      .integer(1, 60_000)
      .default(STATE_TIMEOUT_MS)
      .describe('how long an answer waits for the shared state until that is taken to be away, in ms'),
    nearest: field
      .number(0, 1)
      .optional()
      .describe(
        'answers a request that matches no mock by the nearest recording of at least this likeness, 0 to 1; off without it',
      ),
    watchMocks: field
      .flag()
      .default(false)
      .describe('loads the mocks anew when their file is replaced, beside SIGHUP and POST /mocks/reload'),
    drainMs: field
      .integer(0, 600_000)
      .default(60_000)
      .describe('time for everything to be acknowledged when POST /drain asks for it, in ms'),
    ...artifactFields,
    ...shippingFields,
    ...programFields,
  })
  .superRefine(checkForwarderAddress)
  .superRefine(checkArtifacts(['mocksFile']), ALWAYS)
  .superRefine(checkAuthority, ALWAYS)
  .superRefine(checkState, ALWAYS);
export type ResponderConfig = Readonly<z.output<typeof responderConfig>>;

function checkAuthority(
  { caCertFile, caKeyFile, sidecarPort, listenPorts }: Record<string, unknown>,
  context: z.RefinementCtx,
): void {
  // In a cluster the sidecars end TLS.
  const isInCluster = sidecarPort !== undefined || (Array.isArray(listenPorts) && listenPorts.length > 0);
  if (isInCluster && caCertFile === undefined && caKeyFile === undefined) return;
  for (const [name, value] of Object.entries({ caCertFile, caKeyFile }))
    if (value === undefined) context.addIssue({ code: 'custom', path: [name], message: 'missing' });
}

function checkState({ stateUrl, replayId }: Record<string, unknown>, context: z.RefinementCtx): void {
  if (!(stateUrl instanceof Secret)) return;
  if (!/^(?:postgres(?:ql)?|rediss?):\/\//.test(stateUrl.reveal()))
    context.addIssue({ code: 'custom', path: ['stateUrl'], message: 'not postgres:// or redis://' });
  // The state is that of one replay.
  if (replayId === undefined) context.addIssue({ code: 'custom', path: ['replayId'], message: 'missing' });
}
