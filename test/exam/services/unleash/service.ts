// Unleash: feature flags on PostgreSQL; cookie sessions, API tokens, ETags, events with serial ids.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Answer,
  Client,
  expectStatus,
  hex,
  number,
  person,
  pick,
  sentence,
  words,
} from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

const slug = () => `${words(2).replaceAll(' ', '-')}-${hex(5)}`;
const PROJECT = '/api/admin/projects/default';

export const service: ExamService = {
  name: 'unleash',
  kind: 'REST with cookie sessions (Node, PostgreSQL)',
  install: (cache, tools) => tools.npm(cache, ['unleash-server@8.2.0']),

  async start({ port, dir, cache, tools }) {
    const database = await tools.postgres(join(dir, 'postgres'));
    const program = await tools.program({
      command: process.execPath,
      args: [join(cache, 'node_modules', 'unleash-server', 'dist', 'server.js')],
      cwd: dir,
      env: {
        ...{
          DATABASE_URL: database.url,
          DATABASE_SSL: 'false',
          HTTP_HOST: '127.0.0.1',
          HTTP_PORT: String(port),
        },
        ...{
          CHECK_VERSION: 'false',
          SEND_TELEMETRY: 'false',
          TZ: 'UTC',
          UNLEASH_URL: 'http://flags.example.com',
        },
      },
      readyUrl: `http://127.0.0.1:${port}/health`,
    });
    return {
      async stop() {
        await program.stop();
        await database.stop();
      },
    };
  },

  async drive(baseUrl, note) {
    note('an administrator');
    const admin = new Client(baseUrl);
    await signIn(admin, 'admin', 'unleash4all');
    const editors = await Promise.all([invite(admin), invite(admin)]);
    const { json: token } = expectStatus(
      await admin.post('/api/admin/api-tokens', {
        ...{ tokenName: slug(), type: 'client', environment: 'development', projects: ['*'] },
      }),
      201,
    );
    note('two editors and an application at once');
    const app = await connect(baseUrl, token.secret);
    await app.poll();
    await Promise.all([
      ...editors.map(({ username, password }) => editor(baseUrl, username, password)),
      app.report(8),
    ]);
    // The service looks for changes every second.
    await delay(1_500);
    await app.poll();
    await audit(admin);
  },
};

async function signIn(client: Client, username: string, password: string): Promise<Answer> {
  expectStatus(await client.post('/auth/simple/login', { username, password: `no-${password}` }), 401);
  const answer = expectStatus(await client.post('/auth/simple/login', { username, password }), 200);
  expectStatus(await client.get('/api/admin/user'), 200);
  return answer;
}

async function invite(admin: Client): Promise<{ username: string; password: string }> {
  const { username, email, first, last } = person();
  const password = `Aa1-${hex(12)}!`;
  const body = { username, email, name: `${first} ${last}`, password, rootRole: 2, sendEmail: false };
  const { json } = expectStatus(await admin.post('/api/admin/user-admin', body), 201);
  expectStatus(await admin.get(`/api/admin/user-admin/${json.id}`), 200);
  return { username, password };
}

async function editor(baseUrl: string, username: string, password: string): Promise<void> {
  const client = new Client(baseUrl);
  await signIn(client, username, password);
  const names: string[] = [];
  for (let i = 0; i < 6; i++) {
    const name = slug();
    const type = pick(['release', 'experiment', 'kill-switch']);
    expectStatus(await client.post(`${PROJECT}/features`, { name, description: sentence(), type }), 201);
    names.push(name);
    const strategy = {
      name: 'flexibleRollout',
      parameters: { rollout: String(number(1, 100)), stickiness: 'default', groupId: name },
      constraints: [],
    };
    const strategies = `${PROJECT}/features/${name}/environments/development/strategies`;
    const { json } = expectStatus(await client.post(strategies, strategy), 200);
    const changed = { ...strategy, parameters: { ...strategy.parameters, rollout: '50' } };
    expectStatus(await client.put(`${strategies}/${json.id}`, changed), 200);
    expectStatus(await client.post(`${PROJECT}/features/${name}/environments/development/on`), 200);
    expectStatus(await client.get(`${PROJECT}/features/${name}`), 200);
    if (i % 3 === 0) expectStatus(await client.delete(`${strategies}/${json.id}`), 200);
  }
  const [first = '', second = '', third = ''] = names;
  expectStatus(await client.post(`${PROJECT}/features`, { name: first, type: 'release' }), 409);
  expectStatus(await client.post(`${PROJECT}/features`, { name: 'no spaces please' }), 400);
  const patch = [{ op: 'replace', path: '/description', value: sentence() }];
  expectStatus(await client.patch(`${PROJECT}/features/${second}`, patch), 200);
  expectStatus(
    await client.post(`/api/admin/features/${second}/tags`, { type: 'simple', value: slug().slice(0, 30) }),
    201,
  );
  expectStatus(await client.post(`${PROJECT}/features/${third}/environments/development/off`), 200);
  expectStatus(await client.delete(`${PROJECT}/features/${third}`), 202);
  expectStatus(await client.get(`${PROJECT}/features/${slug()}`), 404);
  expectStatus(
    await client.get(`/api/admin/search/features?query=IS:${first.slice(0, 6)}&limit=5&offset=0`),
    200,
  );
  expectStatus(
    await client.get('/api/admin/search/features?limit=4&offset=4&sortBy=name&sortOrder=desc'),
    200,
  );
  expectStatus(await client.get(`/api/admin/events/${first}`), 200);
}

/** An application with the SDK: registers, asks for its flags now and then, reports what it used. */
async function connect(
  baseUrl: string,
  secret: string,
): Promise<{ poll(): Promise<void>; report(times: number): Promise<void> }> {
  const name = slug();
  const instance = { appName: name, instanceId: hex(12), sdkVersion: 'unleash-client-node:6.1.2' };
  const headers = { 'unleash-appname': name, 'unleash-instanceid': instance.instanceId };
  const client = new Client(baseUrl, { userAgent: 'unleash-client-node/6.1.2', headers, thinkMs: 60 });
  expectStatus(await client.get('/api/client/features'), 401);
  client.headers.authorization = secret;
  const register = { ...instance, strategies: ['default'], started: new Date(), interval: 15_000 };
  expectStatus(await client.post('/api/client/register', register), 202);
  let known: Record<string, string> = {};
  return {
    async poll() {
      const answer = expectStatus(await client.get('/api/client/features', known), 200);
      known = { 'if-none-match': answer.headers.get('etag')! };
      expectStatus(await client.get('/api/client/features', known), 304);
    },
    async report(times) {
      for (let i = 0; i < times; i++) {
        const toggles = { [slug()]: { yes: number(0, 50), no: number(0, 50), variants: {} } };
        const bucket = { start: new Date(Date.now() - 15_000), stop: new Date(), toggles };
        expectStatus(await client.post('/api/client/metrics', { ...instance, bucket }), 202);
      }
    },
  };
}

async function audit(admin: Client): Promise<void> {
  expectStatus(await admin.get('/api/admin/user-admin'), 200);
  expectStatus(await admin.get('/api/admin/api-tokens'), 200);
  expectStatus(await admin.get('/api/admin/search/events?limit=10&offset=0'), 200);
  expectStatus(await admin.get('/api/admin/search/events?limit=10&offset=10&type=IS:feature-created'), 200);
  expectStatus(await admin.get('/api/admin/projects'), 200);
  expectStatus(await admin.get('/api/admin/projects/default/overview'), 200);
  expectStatus(await admin.post('/logout'), 302);
  expectStatus(await admin.get('/api/admin/user'), 401);
}
