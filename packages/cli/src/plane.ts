// One installation on one machine: database, control plane, worker and forwarder, each its own process. `echoplane up`
// is this and nothing else.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { type ApiClient, createClient } from '@echoplane/api';
import { ensureFolder, OperatingError, REPORT_FLAGS } from '@echoplane/runtime';
import { type AuthorityFiles, authorityFiles } from './authority.ts';
import { dashboardDir } from './dashboard.ts';
import type { Home } from './home.ts';
import { pollUntil } from './poll.ts';
import { choosePort } from './ports.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { codeFolders, script } from './scripts.ts';
import type { Environment, Supervisor } from './supervisor.ts';
import type { Terminal } from './terminal.ts';

const TENANT = 'local';
const DATABASE = 'echoplane';
/** Folder of a home that holds the traffic in private mode. */
export const PRIVATE_STORE = 'private-store';

/** What `credentials.json` of a home holds: made once, never printed but for the dashboard's password. */
interface Credentials {
  userEmail: string;
  userPassword: string;
  appPassword: string;
  platformPassword: string;
  agentKey?: string;
  apiKey?: string;
  /** Id of the tenant the keys belong to. */
  tenant?: string;
}

/** What `plane.json` of a home holds while the plane runs: how the other commands find it. */
export interface PlaneFile {
  url: string;
  apiKey: string;
  forwarderPort: number;
  forwarderAdminPort: number;
  caCertFile: string;
  caKeyFile: string;
}

export interface Plane extends PlaneFile {
  client: ApiClient;
  userEmail: string;
  userPassword: string;
  /** The object store of the data plane. */
  storeDir: string;
  /** The folder the control plane is given: the same, or in private mode another one, in which nothing belongs. */
  cloudStoreDir: string;
  /** The embedded server; null when a database was given. */
  postgres: Postgres | null;
  /** Closes the open segment and waits until it is shipped and indexed. */
  flush(): Promise<void>;
}

export interface PlaneOptions {
  home: Home;
  supervisor: Supervisor;
  terminal: Terminal;
  environment: Environment;
  /** A real PostgreSQL; null for the embedded one. */
  databaseUrl: string | null;
  /** Port of the dashboard, when the user asked for one. */
  port: number | null;
  /** A home that is removed at the end. */
  temporary: boolean;
  /** Databases that the embedded server shall hold beside ours; with some, it is started even if `databaseUrl` is given. */
  extraDatabases: string[];
  /** Longest time a segment stays open. */
  segmentMaxAgeMs: number;
  /** The control plane is kept out of the object store; see `ECHOPLANE_STORE_ACCESS` of the forwarder. */
  isPrivate: boolean;
  onPostgres: (postgres: Postgres) => void;
}

/** Starts the plane. Throws OperatingError with the words of what failed. */
export async function startPlane(options: PlaneOptions): Promise<Plane> {
  const { home, supervisor, terminal } = options;
  const { storeDir, cloudStoreDir } = await storeFolders(options);
  const isKnownDatabase =
    options.databaseUrl !== null || existsSync(home.path('postgres', 'data', 'PG_VERSION'));
  const credentials = await loadCredentials(home, isKnownDatabase);
  const ports = await takePorts(options);
  const postgres = await embeddedDatabase(options, ports.postgres);
  const ownerUrl = options.databaseUrl ?? postgres!.url(DATABASE);
  const database = options.databaseUrl === null ? '' : ` in ${whereIs(ownerUrl)} (DATABASE_URL)`;
  await terminal.step(`control plane: tables, roles, keys${database}`, () =>
    initialise(options, ownerUrl, credentials),
  );
  const assets = await terminal.step('dashboard', () => dashboardDir(options.environment));
  const url = `http://127.0.0.1:${ports.cloud}`;
  const shared = {
    ECHOPLANE_DATABASE_URL: urlAs(ownerUrl, 'echoplane_app', credentials.appPassword),
    ECHOPLANE_PLATFORM_DATABASE_URL: urlAs(ownerUrl, 'echoplane_platform', credentials.platformPassword),
    ECHOPLANE_STORE_DIR: cloudStoreDir,
  };
  const cloud = [...(options.isPrivate ? await confinement(cloudStoreDir) : []), script('cloud')];
  return terminal.step('control plane, worker, forwarder', async () => {
    const cloudEnv = { ...shared, ECHOPLANE_PORT: String(ports.cloud), ECHOPLANE_DASHBOARD_DIR: assets };
    await supervisor.start({
      name: 'cloud',
      args: [...cloud, 'serve'],
      env: cloudEnv,
      readyEvent: 'ready',
      restart: true,
    });
    const forwarderEnv = {
      ECHOPLANE_PORT: String(ports.forwarder),
      ECHOPLANE_ADMIN_PORT: String(ports.forwarderAdmin),
      ECHOPLANE_SPOOL_DIR: home.path('spool'),
      ECHOPLANE_STORE_DIR: storeDir,
      ECHOPLANE_STORE_ACCESS: options.isPrivate ? 'private' : 'delegated',
      ECHOPLANE_CLOUD_URL: url,
      ECHOPLANE_AGENT_KEY: credentials.agentKey!,
      ECHOPLANE_SEGMENT_MAX_AGE_MS: String(options.segmentMaxAgeMs),
    };
    await Promise.all([
      supervisor.start({
        name: 'forwarder',
        args: [script('forwarder')],
        env: forwarderEnv,
        readyEvent: 'ready',
        restart: true,
      }),
      supervisor.start({
        name: 'worker',
        args: [...REPORT_FLAGS, ...cloud, 'worker'],
        env: shared,
        readyEvent: 'ready',
        restart: true,
      }),
    ]);
    const authority = await authorityFiles(home, 'ca', 'Echoplane interception CA');
    const file: PlaneFile = {
      ...{ url, apiKey: credentials.apiKey!, forwarderPort: ports.forwarder },
      ...{ forwarderAdminPort: ports.forwarderAdmin, ...filesOf(authority) },
    };
    await home.write('plane.json', file);
    const { userEmail, userPassword } = credentials;
    const flush = () => flushForwarder(ports.forwarderAdmin);
    return {
      ...file,
      ...{ client: clientFor(file), userEmail, userPassword, storeDir, cloudStoreDir, postgres, flush },
    };
  });
}

function filesOf({ certFile, keyFile }: AuthorityFiles): Pick<PlaneFile, 'caCertFile' | 'caKeyFile'> {
  return { caCertFile: certFile, caKeyFile: keyFile };
}

/** A home keeps its traffic in one of two folders: what is in the other would not be found any more. */
async function storeFolders({
  home,
  isPrivate,
}: PlaneOptions): Promise<Pick<Plane, 'storeDir' | 'cloudStoreDir'>> {
  const [open, hidden] = [home.path('store'), home.path(PRIVATE_STORE)];
  const other = await readdir(isPrivate ? open : hidden).catch(() => []);
  if (other.length > 0) {
    throw new OperatingError(
      'other_access',
      `${home.dir} was begun ${isPrivate ? 'without' : 'with'} --private and its traffic is kept so; start it that way again, or choose another --home.`,
    );
  }
  return { storeDir: isPrivate ? hidden : open, cloudStoreDir: open };
}

/** Flags of Node by which the control plane can open its own code and this folder, and no other file of the machine. */
async function confinement(folder: string): Promise<string[]> {
  await ensureFolder(folder);
  const read = [...codeFolders(), folder].map((path) => `--allow-fs-read=${path}`);
  // Its password hashing is an addon; Node warns of every addon.
  const addons = ['--allow-addons', '--disable-warning=PERM0001'];
  return ['--permission', ...addons, ...read, `--allow-fs-write=${folder}`];
}

/** A client of a running plane. */
export function clientFor(file: Pick<PlaneFile, 'url' | 'apiKey'>): ApiClient {
  const headers = () => ({ authorization: `Bearer ${file.apiKey}` });
  return createClient({ baseUrl: file.url, fetch, headers });
}

interface Ports {
  cloud: number;
  postgres: number;
  forwarder: number;
  forwarderAdmin: number;
}

/** Last time's ports where they are still free, so that the dashboard's address stays. */
async function takePorts({ home, port }: PlaneOptions): Promise<Ports> {
  const last = await home.read<Partial<Ports>>('ports.json');
  const ports = {
    cloud: await choosePort(port ?? last?.cloud, port !== null),
    postgres: await choosePort(last?.postgres),
    forwarder: await choosePort(last?.forwarder),
    forwarderAdmin: await choosePort(last?.forwarderAdmin),
  };
  await home.write('ports.json', ports);
  return ports;
}

async function embeddedDatabase(options: PlaneOptions, port: number): Promise<Postgres | null> {
  const { home, terminal, databaseUrl, extraDatabases } = options;
  if (databaseUrl !== null && extraDatabases.length === 0) return null;
  return terminal.step('embedded PostgreSQL', async () => {
    const postgres = await startPostgres({
      ...{ dir: home.path('postgres', 'data'), port, logFile: home.path('postgres.log') },
      databases: databaseUrl === null ? [DATABASE, ...extraDatabases] : extraDatabases,
      removeWithUs: options.temporary ? home.dir : null,
    });
    options.onPostgres(postgres);
    return postgres;
  });
}

/** In a database that may have users already, new credentials are for a new user: an existing one keeps the password. */
async function loadCredentials(home: Home, isKnownDatabase: boolean): Promise<Credentials> {
  const kept = await home.read<Credentials>('credentials.json');
  if (kept) return kept;
  const secret = () => randomBytes(18).toString('base64url');
  const userEmail = isKnownDatabase
    ? `admin-${randomBytes(3).toString('hex')}@example.com`
    : 'admin@example.com';
  return { userEmail, userPassword: secret(), appPassword: secret(), platformPassword: secret() };
}

/** Migrates and makes what is missing; keys that come new are kept in the home. */
async function initialise(
  { home, supervisor }: PlaneOptions,
  ownerUrl: string,
  credentials: Credentials,
): Promise<void> {
  const lines = await supervisor.task({
    name: 'cloud-init',
    args: [script('cloud'), 'init'],
    env: {
      ECHOPLANE_OWNER_DATABASE_URL: ownerUrl,
      ECHOPLANE_APP_PASSWORD: credentials.appPassword,
      ECHOPLANE_PLATFORM_PASSWORD: credentials.platformPassword,
      ECHOPLANE_TENANT_NAME: TENANT,
      ECHOPLANE_USER_EMAIL: credentials.userEmail,
      ECHOPLANE_USER_PASSWORD: credentials.userPassword,
      ECHOPLANE_CREATE_KEYS: String(credentials.agentKey === undefined),
    },
    quietLog: true,
  });
  const made = lines.findLast((line) => 'tenant' in line);
  if (credentials.tenant !== undefined && made?.tenant !== credentials.tenant) {
    throw new OperatingError(
      'another_database',
      `${home.dir} belongs to another database: its keys, spool and recordings are of a tenant that this one does not know. Use a new --home for this database.`,
    );
  }
  if (typeof made?.tenant === 'string') credentials.tenant = made.tenant;
  if (typeof made?.agentKey === 'string') credentials.agentKey = made.agentKey;
  if (typeof made?.apiKey === 'string') credentials.apiKey = made.apiKey;
  if (!credentials.agentKey || !credentials.apiKey) {
    throw new OperatingError(
      'no_keys',
      'The control plane made no keys for this home; remove the home folder and start again.',
    );
  }
  await home.write('credentials.json', credentials);
}

/** Host, port and database, never user or password. */
function whereIs(databaseUrl: string): string {
  const { host, pathname } = new URL(databaseUrl);
  return `${host}${pathname}`;
}

function urlAs(ownerUrl: string, role: string, password: string): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = password;
  return url.href;
}

const FLUSH_DEADLINE_MS = 180_000;

/** Has a forwarder close its open segment, and waits until that is shipped and indexed. */
export async function flushForwarder(adminPort: number): Promise<void> {
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/flush`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok)
      throw new OperatingError('flush_failed', `The forwarder could not ship its open segment: ${text}`);
    return JSON.parse(text) as { flushed: boolean };
  };
  // It says no after half a minute, however much it got done by then: what goes on without the rest would miss traffic.
  await pollUntil(ask, ({ flushed }) => flushed, {
    ...{ deadlineMs: FLUSH_DEADLINE_MS, what: 'the last of what the forwarder holds' },
    signal: new AbortController().signal,
  });
}
