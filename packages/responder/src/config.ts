// The responder's configuration: one zod object over the environment (`ECHOPLANE_MOCKS_FILE`, …), parsed once.
// It must not read the environment itself.
import { checkForwarderAddress, field, programFields, shippingFields } from '@echoplane/runtime';
import { z } from 'zod';

export const responderConfig = z
  .object({
    port: field.port().default(0).describe('port of the forward proxy on 127.0.0.1, 0 takes a free one'),
    adminPort: field
      .port()
      .default(0)
      .describe('port of health, metrics and misses on 127.0.0.1, 0 takes a free one'),
    mocksFile: field.text().describe('the snapshot artifact mocks.jsonl'),
    caCertFile: field
      .text()
      .describe('PEM certificate of the authority that signs for the hosts stood in for'),
    caKeyFile: field.text().describe('PEM private key of that authority, PKCS #8'),
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
    ...shippingFields,
    ...programFields,
  })
  .superRefine(checkForwarderAddress);
export type ResponderConfig = Readonly<z.output<typeof responderConfig>>;
