// The configuration of the three commands, one zod object each. Database URLs and passwords are secrets: they do not
// print, and a bad one is named by its variable, never by its value.
import { field, programFields, Secret } from '@echoplane/runtime';
import { z } from 'zod';

const isPostgresUrl = (value: string) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value);
const databaseUrl = () =>
  z
    .string()
    .refine(isPostgresUrl, 'not a postgres:// URL')
    .transform((value) => new Secret(value));

const databases = {
  databaseUrl: databaseUrl().describe('postgres:// URL of the role echoplane_app'),
  platformDatabaseUrl: databaseUrl().describe('postgres:// URL of the role echoplane_platform'),
  storeDir: field.text().describe('folder of the object store'),
};

export const ServeConfig = z.object({
  ...databases,
  port: field.port().default(8080).describe('port of the API and the dashboard, 0 takes a free one'),
  host: field.text().default('127.0.0.1').describe('address to listen on'),
  dashboardDir: field
    .text()
    .optional()
    .describe('folder with the built dashboard; without it only the API is served'),
  ...programFields,
});
export type ServeConfig = z.infer<typeof ServeConfig>;

export const WorkerConfig = z.object({ ...databases, ...programFields });
export type WorkerConfig = z.infer<typeof WorkerConfig>;

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
  ...programFields,
});
export type InitConfig = z.infer<typeof InitConfig>;
