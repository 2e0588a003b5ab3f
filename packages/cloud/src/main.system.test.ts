import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createClient } from '@echoplane/api';
import { Secret } from '@echoplane/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPILE_CACHE } from '../../../test/compile-cache.ts';
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts';
import { openStream, registrationOf } from './agent.fixture.ts';
import { emptyDatabase, initEnv, PASSWORD } from './control-plane.fixture.ts';
import { connectOnce } from './db.ts';
import { MIGRATIONS, migrate } from './migrate.ts';
import { APP_ROLE, PLATFORM_ROLE } from './roles.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
let postgres: TestPostgres;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'cloud-'));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(command: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, ...command.split(' ')], {
    env: { PATH: process.env.PATH!, ...COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: string[] = [];
  let stderr = '';
  const ready = Promise.withResolvers<Record<string, unknown>>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    lines.push(line);
    const event = JSON.parse(line);
    if (event.event === 'ready') ready.resolve(event);
  });
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, lines, stderr }));
  ready.promise.catch(() => {});
  void ended.then((end) => ready.reject(new Error(`it ended: ${end.stderr}${end.lines.join('\n')}`)));
  return { child, ended, ready: ready.promise };
}

const run = (command: string, env: Record<string, string>) => start(command, env).ended;

describe('init', () => {
  test('makes everything once, shows keys only when it made them, and may run at once with others', async () => {
    const { ownerUrl } = await emptyDatabase(postgres);
    const env = initEnv(ownerUrl, 'acme');
    const both = await Promise.all([run('init', env), run('init', env)]);
    for (const { code, stderr } of both) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [first, second] = both.map(({ lines }) => JSON.parse(lines[0]!));
    expect(first).toEqual({ tenant: expect.stringMatching(/^[0-9a-f-]{36}$/), agentKey: null, apiKey: null });
    expect(second).toEqual(first);
    const { lines } = await run('init', {
      ...env,
      ECHOPLANE_CREATE_KEYS: 'true',
      ECHOPLANE_USER_PASSWORD: 'another',
    });
    expect(lines).toHaveLength(1);
    const key = /^ep_[0-9a-f]{8}_[\w-]{43}$/;
    expect(JSON.parse(lines[0]!)).toEqual({
      tenant: first.tenant,
      agentKey: expect.stringMatching(key),
      apiKey: expect.stringMatching(key),
    });
  });

  test('says so when the owner may not create roles', async () => {
    const { database } = await emptyDatabase(postgres);
    await postgres.asSuperuser(database, `CREATE ROLE plain LOGIN PASSWORD '${PASSWORD}'`);
    const { code, stderr } = await run('init', initEnv(postgres.url(database, 'plain', PASSWORD), 'acme'));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^The owner's role may not create or change echoplane_app and echoplane_platform .*CREATEROLE.*\n$/,
    );
  });

  test('refuses roles that row-level security does not bind', async () => {
    const { ownerUrl, database } = await emptyDatabase(postgres);
    await run('init', initEnv(ownerUrl, 'acme'));
    await postgres.asSuperuser(database, 'ALTER ROLE echoplane_app BYPASSRLS');
    const { code, stderr } = await run('init', initEnv(postgres.url(database), 'acme'));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('The existing role echoplane_app'),
    });
    const served = await run('serve', serveEnv(database));
    expect(served.stderr).toMatch(/echoplane_app is not bound by row-level security/);
    await postgres.asSuperuser(database, 'ALTER ROLE echoplane_app NOBYPASSRLS');
  });
});

describe('migrations', () => {
  async function withMigrations(
    work: (folder: URL, db: Awaited<ReturnType<typeof connectOnce>>) => Promise<void>,
  ) {
    const { ownerUrl } = await emptyDatabase(postgres);
    await run('init', initEnv(ownerUrl, 'acme'));
    const copy = join(await mkdtemp(join(folder, 'migrations-')), 'sql');
    await cp(fileURLToPath(MIGRATIONS), copy, { recursive: true });
    const db = await connectOnce(new Secret(ownerUrl), 'test');
    try {
      await work(pathToFileURL(`${copy}/`), db);
    } finally {
      await db.end();
    }
  }

  test('are applied once, a new one after them, a broken one not at all', async () => {
    await withMigrations(async (sql, db) => {
      expect(await migrate(db, sql)).toEqual([]);
      await writeFile(new URL('900-more.sql', sql), 'CREATE TABLE more (a int); SELECT 1/0;');
      await expect(migrate(db, sql)).rejects.toThrow('division by zero');
      await writeFile(new URL('900-more.sql', sql), 'CREATE TABLE more (a int);');
      expect(await migrate(db, sql)).toEqual(['900-more.sql']);
    });
  });

  test('that were edited after they were applied are refused, and so is an older program', async () => {
    await withMigrations(async (sql, db) => {
      const file = new URL('002-traffic.sql', sql);
      await writeFile(file, `${await readFile(file, 'utf8')}-- more\n`);
      await expect(migrate(db, sql)).rejects.toThrow(/002-traffic.sql was edited after it was applied/);
      await rm(file);
      await expect(migrate(db, sql)).rejects.toThrow(/newer version/);
    });
  });
});

function serveEnv(database: string, extra: Record<string, string> = {}): Record<string, string> {
  return {
    ECHOPLANE_DATABASE_URL: postgres.url(database, APP_ROLE, PASSWORD),
    ECHOPLANE_PLATFORM_DATABASE_URL: postgres.url(database, PLATFORM_ROLE, PASSWORD),
    ECHOPLANE_STORE_DIR: join(folder, 'store'),
    ECHOPLANE_PORT: '0',
    ...extra,
  };
}

describe('serve and worker', () => {
  test('answer a request, do a job, and end cleanly on SIGTERM', async () => {
    const { database, ownerUrl } = await emptyDatabase(postgres);
    const { lines } = await run('init', initEnv(ownerUrl, 'acme', { ECHOPLANE_CREATE_KEYS: 'true' }));
    const { apiKey, agentKey } = JSON.parse(lines[0]!);
    const dashboard = join(folder, 'dashboard');
    await mkdir(join(dashboard, 'assets'), { recursive: true });
    await writeFile(join(dashboard, 'index.html'), '<title>Echoplane</title>');
    await writeFile(join(dashboard, 'assets/app.js'), 'let a;');
    const server = start('serve', serveEnv(database, { ECHOPLANE_DASHBOARD_DIR: dashboard }));
    const worker = start('worker', serveEnv(database));
    const [{ port }] = await Promise.all([server.ready, worker.ready]);
    const baseUrl = `http://127.0.0.1:${port}`;
    for (const path of ['/', '/reports/1', '/index.html']) {
      const page = await fetch(baseUrl + path);
      expect(await page.text()).toBe('<title>Echoplane</title>');
      expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'/);
    }
    expect(await (await fetch(`${baseUrl}/assets/app.js`)).text()).toBe('let a;');
    expect((await fetch(`${baseUrl}/v1/nothing`)).headers.get('content-type')).toMatch(/problem\+json/);
    expect(await (await fetch(`${baseUrl}/metrics`)).text()).toMatch(/echoplane_tenants 1\n/);
    const client = createClient({ baseUrl, fetch, headers: () => ({ authorization: `Bearer ${apiKey}` }) });
    const { id } = await client.call('createSnapshot', { body: { name: 'empty', query: {} } });
    const state = async () => (await client.call('snapshot', { params: { id } })).state;
    await expect.poll(state).toBe('failed');
    // An open stream keeps nobody from stopping.
    const body = registrationOf(id);
    const headers = { authorization: `Bearer ${agentKey}`, 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    expect((await fetch(`${baseUrl}/v1/agent/register`, request)).status).toBe(200);
    const stream = (await openStream(baseUrl, agentKey, body.agent)).read();
    for (const { child, ended } of [server, worker]) {
      child.kill('SIGTERM');
      expect((await ended).code).toBe(0);
    }
    await stream.closed;
  });

  test("init makes given keys known, once, and refuses what is no key or another organisation's", async () => {
    const { database, ownerUrl } = await emptyDatabase(postgres);
    const agentKey = `ep_0123abcd_${'k'.repeat(43)}`;
    const given = { ECHOPLANE_AGENT_KEY: agentKey };
    for (let i = 0; i < 2; i++) expect((await run('init', initEnv(ownerUrl, 'acme', given))).code).toBe(0);
    const { rows } = await postgres.asSuperuser(database, 'SELECT role, prefix FROM echoplane.api_keys');
    expect(rows).toEqual([{ role: 'agent', prefix: '0123abcd' }]);
    const other = await run('init', initEnv(ownerUrl, 'other', given));
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringContaining('belongs to another organisation'),
    ]);
    const bad = await run('init', initEnv(ownerUrl, 'acme', { ECHOPLANE_API_KEY: 'secret-but-no-key' }));
    expect([bad.code, bad.stderr]).toEqual([64, expect.stringContaining('ECHOPLANE_API_KEY')]);
    expect(bad.stderr).not.toContain('secret-but-no-key');
  });

  test('tenant suspends and resumes an organisation by its name', async () => {
    const { database, ownerUrl } = await emptyDatabase(postgres);
    await run('init', initEnv(ownerUrl, 'acme'));
    const suspended = async () => {
      const { rows } = await postgres.asSuperuser(
        database,
        'SELECT suspended_at IS NOT NULL AS suspended FROM echoplane.tenants',
      );
      return rows[0].suspended;
    };
    for (const [verb, after] of Object.entries({ suspend: true, resume: false })) {
      expect(await run(`tenant ${verb} acme`, serveEnv(database))).toMatchObject({ code: 0, stderr: '' });
      expect(await suspended()).toBe(after);
    }
    const unknown = await run('tenant suspend nobody', serveEnv(database));
    expect(unknown).toMatchObject({ code: 1, stderr: 'There is no tenant nobody; check its name.\n' });
    expect((await run('tenant forget acme', {})).code).toBe(64);
  });

  test.each(['serve', 'worker'])(
    '%s says in one sentence why it cannot start, without the password',
    async (command) => {
      const { database, ownerUrl } = await emptyDatabase(postgres);
      const cases: [Record<string, string>, RegExp][] = [
        [{}, /has no Echoplane schema yet; run "cloud init"/],
        [
          { ECHOPLANE_DATABASE_URL: `postgres://echoplane_app:${PASSWORD}@127.0.0.1:1/x` },
          /^No Postgres answers at 127\.0\.0\.1:1; /,
        ],
        [
          { ECHOPLANE_DATABASE_URL: postgres.url(database, APP_ROLE, 'not-the-one') },
          /refuses the password of echoplane_app; /,
        ],
        [
          { ECHOPLANE_DATABASE_URL: postgres.url('nowhere', APP_ROLE, PASSWORD) },
          /has no database nowhere; /,
        ],
        [{ ECHOPLANE_STORE_DIR: join(MAIN, 'store') }, /The folder .*store cannot be written/],
      ];
      await run('init', initEnv(ownerUrl, 'acme'));
      const empty = (await emptyDatabase(postgres)).database;
      for (const [extra, sentence] of cases) {
        const { code, stderr } = await run(
          command,
          serveEnv(Object.keys(extra).length > 0 ? database : empty, extra),
        );
        expect(code).toBe(1);
        expect(stderr).toMatch(sentence);
        expect(stderr.trim().split('\n')).toHaveLength(1);
        for (const secret of [PASSWORD, 'not-the-one']) expect(stderr).not.toContain(secret);
      }
    },
  );

  test('a bad configuration names every problem and ends with 64', async () => {
    const { code, stderr } = await run('serve', {
      ECHOPLANE_DATABASE_URL: 'mysql://secret@x',
      ECHOPLANE_PORT: '99999',
    });
    expect(code).toBe(64);
    expect(stderr).toMatch(/ECHOPLANE_DATABASE_URL is not valid/);
    expect(stderr).toMatch(/ECHOPLANE_PLATFORM_DATABASE_URL is missing/);
    expect(stderr).toMatch(/ECHOPLANE_STORE_DIR is missing/);
    expect(stderr).toMatch(/ECHOPLANE_PORT is not valid/);
    expect(stderr).not.toContain('secret@');
    expect((await run('dance', {})).code).toBe(64);
  });

  test('serve names a busy port', async () => {
    const { database, ownerUrl } = await emptyDatabase(postgres);
    await run('init', initEnv(ownerUrl, 'acme'));
    const { code, stderr } = await run(
      'serve',
      serveEnv(database, { ECHOPLANE_PORT: String(postgres.port) }),
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`Port ${postgres.port} on 127.0.0.1 is in use`),
    });
  });
});
