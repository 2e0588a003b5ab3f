// PocketBase: REST over SQLite in Go; random ids, JWT of users and administrators, filters, pages, files in multipart.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
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

const MODULE = 'github.com/pocketbase/pocketbase';
const ROOT = { identity: 'root@example.com', password: 'correct-horse-42' };
const STATES = ['open', 'doing', 'done'];

export const service: ExamService = {
  name: 'pocketbase',
  kind: 'REST with JWT (Go, SQLite)',
  install: (cache, tools) =>
    tools.go(cache, { module: `${MODULE}@v0.36.8`, main: `${MODULE}/examples/base`, name: 'pocketbase' }),

  async start({ port, dir, cache, tools }) {
    const command = join(cache, 'pocketbase');
    const data = `--dir=${join(dir, 'data')}`;
    await promisify(execFile)(command, ['superuser', 'upsert', ROOT.identity, ROOT.password, data]);
    return tools.program({
      command,
      args: ['serve', `--http=127.0.0.1:${port}`, data],
      cwd: dir,
      readyUrl: `http://127.0.0.1:${port}/api/health`,
    });
  },

  async drive(baseUrl, note) {
    note('an administrator makes the collections');
    const admin = new Client(baseUrl);
    const { json: root } = expectStatus(
      await admin.post(`${auth('_superusers')}/auth-with-password`, ROOT),
      200,
    );
    admin.headers.authorization = root.token;
    await collections(admin);
    note('two users at once');
    await Promise.all([user(baseUrl), user(baseUrl)]);
    note('a third, and the administrator again');
    await user(baseUrl);
    expectStatus(await admin.get(`${records('tasks')}?perPage=4&page=2&sort=-created&expand=project`), 200);
    expectStatus(await admin.get('/api/collections?perPage=3&fields=id,name,type'), 200);
    expectStatus(await admin.get(`${records('users')}?perPage=50`), 200);
  },
};

const auth = (collection: string) => `/api/collections/${collection}`;
const records = (collection: string) => `/api/collections/${collection}/records`;

async function collections(admin: Client): Promise<void> {
  const own = 'owner = @request.auth.id';
  const rules = {
    listRule: own,
    viewRule: own,
    createRule: '@request.auth.id != ""',
    updateRule: own,
    deleteRule: own,
  };
  const { json: users } = expectStatus(await admin.get('/api/collections/users'), 200);
  const owner = { name: 'owner', type: 'relation', collectionId: users.id, maxSelect: 1, required: true };
  const dates = [
    { name: 'created', type: 'autodate', onCreate: true },
    { name: 'updated', type: 'autodate', onCreate: true, onUpdate: true },
  ];
  const project = { name: 'projects', type: 'base', ...rules };
  const fields = [{ name: 'title', type: 'text', required: true }, owner, ...dates];
  const { json: made } = expectStatus(await admin.post('/api/collections', { ...project, fields }), 200);
  const task = [
    ...[{ name: 'title', type: 'text', required: true }, { name: 'points', type: 'number' }, owner],
    { name: 'state', type: 'select', values: STATES, maxSelect: 1 },
    { name: 'project', type: 'relation', collectionId: made.id, maxSelect: 1, cascadeDelete: true },
    { name: 'attachment', type: 'file', maxSelect: 1, maxSize: 100_000 },
    ...dates,
  ];
  expectStatus(await admin.post('/api/collections', { ...project, name: 'tasks', fields: task }), 200);
}

async function user(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl);
  const { email, password, first } = person();
  const account = { email, password, passwordConfirm: password, name: first };
  expectStatus(await client.post(records('users'), { ...account, passwordConfirm: 'other' }), 400);
  expectStatus(await client.post(records('users'), account), 200);
  expectStatus(
    await client.post(`${auth('users')}/auth-with-password`, { identity: email, password: 'wrong' }),
    400,
  );
  const login = { identity: email, password };
  const { json: session } = expectStatus(
    await client.post(`${auth('users')}/auth-with-password`, login),
    200,
  );
  client.headers.authorization = `Bearer ${session.token}`;
  const owner: string = session.record.id;
  for (let p = 0; p < 2; p++) {
    const project = expectStatus(
      await client.post(records('projects'), { title: words(2), owner }),
      200,
    ).json;
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await task(client, owner, project.id));
    await work(client, ids, project.id);
  }
  const { json: refreshed } = expectStatus(await client.post(`${auth('users')}/auth-refresh`), 200);
  client.headers.authorization = `Bearer ${refreshed.token}`;
  expectStatus(await client.patch(`${records('users')}/${owner}`, { name: `${first} the ${words(1)}` }), 200);
  expectStatus(await client.get(`${records('users')}/${owner}`), 200);
  expectStatus(await client.get('/api/collections'), 403, 401);
}

async function task(client: Client, owner: string, project: string): Promise<string> {
  const body = { title: words(3), points: number(1, 13), state: pick(STATES), owner, project };
  const { json } = expectStatus(await client.post(records('tasks'), body), 200);
  return json.id;
}

async function work(client: Client, ids: string[], project: string): Promise<void> {
  const [first = '', second = '', third = ''] = ids;
  expectStatus(await client.get(`${records('tasks')}/${first}?expand=project`), 200);
  expectStatus(await client.patch(`${records('tasks')}/${first}`, { state: 'done', 'points+': 2 }), 200);
  await attach(client, second);
  const filter = encodeURIComponent(`project = "${project}" && points >= 3`);
  for (let page = 1; page <= 2; page++)
    expectStatus(
      await client.get(`${records('tasks')}?page=${page}&perPage=3&sort=-points,title&filter=${filter}`),
      200,
    );
  expectStatus(await client.get(`${records('tasks')}?filter=${encodeURIComponent('nothing = 1')}`), 400);
  expectStatus(await client.delete(`${records('tasks')}/${third}`), 204);
  expectStatus(await client.get(`${records('tasks')}/${third}`), 404);
  expectStatus(await client.post(records('tasks'), { points: 1 }), 400);
}

async function attach(client: Client, id: string): Promise<void> {
  const form = new FormData();
  form.set('attachment', new File([`${sentence()}\n${hex(40)}\n`], 'notes.txt', { type: 'text/plain' }));
  const { json }: Answer = expectStatus(await client.patch(`${records('tasks')}/${id}`, form), 200);
  const { text } = expectStatus(await client.get(`/api/files/tasks/${id}/${json.attachment}`), 200);
  if (text.length < 40) throw new Error('the file came back short');
}
