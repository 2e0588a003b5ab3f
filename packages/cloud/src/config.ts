// The configuration of the commands, one zod object each. Database URLs and passwords are secrets: they do not
// print, and a bad one is named by its variable, never by its value.
import { checkStore, storeFields } from '@echoplane/archive';
import { field, programFields, Secret } from '@echoplane/runtime';
import { z } from 'zod';
import { isApiKey } from './credentials.ts';

const isPostgresUrl = (value: string) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value);
const databaseUrl = () =>
  z
    .string()
    .refine(isPostgresUrl, 'not a postgres:// URL')
    .transform((value) => new Secret(value));

const databases = {
  databaseUrl: databaseUrl().describe('postgres:// URL of the role echoplane_app'),
  platformDatabaseUrl: databaseUrl().describe('postgres:// URL of the role echoplane_platform'),
  ...storeFields,
};

/** Checks between fields run although a field alone is wrong: every problem is told at once. */
const ALL_AT_ONCE = { when: () => true };

const ServeFields = z.object({
  ...databases,
  port: field.port().default(8080).describe('port of the API and the dashboard, 0 takes a free one'),
  host: field.text().default('127.0.0.1').describe('address to listen on'),
  dashboardDir: field
    .text()
    .optional()
    .describe('folder with the built dashboard; without it only the API is served'),
  ...programFields,
});
export const ServeConfig = ServeFields.superRefine(
  (config, context) => checkStore(config, context),
  ALL_AT_ONCE,
);
export type ServeConfig = z.infer<typeof ServeConfig>;

const WorkerFields = z.object({
  ...databases,
  landingPrefix: field
    .text()
    .optional()
    .describe('prefix in the store under which a Firehose stream delivers segments, such as landing/'),
  segmentLostAfterMs: field
    .integer(60_000, 400 * 86_400_000)
    .default(7 * 86_400_000)
    .describe('ms after which a segment that was opened and not shipped is given up as lost'),
  ...programFields,
});
export const WorkerConfig = WorkerFields.superRefine(
  (config, context) => checkStore(config, context),
  ALL_AT_ONCE,
);
export type WorkerConfig = z.infer<typeof WorkerConfig>;

export const TenantConfig = z.object({
  platformDatabaseUrl: databases.platformDatabaseUrl,
  ...programFields,
});
export type TenantConfig = z.infer<typeof TenantConfig>;

/** A key that whoever installs has made, so that it can be given to both sides before either runs. */
const givenKey = (role: string) =>
  field
    .secret()
    .refine((secret) => isApiKey(secret.reveal()), 'not a key: ep_, 8 of 0-9a-f, _, and 43 of A-Za-z0-9_-')
    .optional()
    .describe(`a key of your own making with the role ${role}, made known when it is not yet`);

export const InitConfig = z.object({
  ownerDatabaseUrl: databaseUrl().describe(
    'postgres:// URL of the role that owns the schema and may create roles',
  ),
  appPassword: field.secret().describe('password to give the role echoplane_app'),
  platformPassword: field.secret().describe('password to give the role echoplane_platform'),
  tenantName: field.text().max(120).describe('organisation to make when it is not there'),
  userEmail: field.text().max(254).describe('e-mail of its first admin'),
  userPassword: field.secret().describe('password of that admin, used when the user is new'),
  createKeys: field.flag().default(false).describe('true mints a new agent key and a new editor key'),
  agentKey: givenKey('agent'),
  apiKey: givenKey('editor'),
  ...programFields,
});
export type InitConfig = z.infer<typeof InitConfig>;
