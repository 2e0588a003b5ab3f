// doccano: a Django project on SQLite. Its API (Django REST framework) under a session with CSRF tokens and under an API
// token, serial ids everywhere, pages by limit and offset; and Django's admin, HTML forms with a masked CSRF token each.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type Answer,
  Client,
  expectStatus,
  number,
  person,
  pick,
  sentence,
  words,
} from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

const ADMIN = { username: 'admin', password: 'a-long-admin-password' };
const PASSWORD = 'correct-horse-battery';

export const service: ExamService = {
  name: 'doccano',
  kind: 'REST and HTML forms under sessions (Python, Django, SQLite)',
  install: (cache, tools) => tools.pip(cache, ['doccano==1.8.4', 'marshmallow<4', 'numpy<2', 'pandas<2']),

  async start({ port, dir, cache, tools }) {
    const doccano = join(cache, 'venv', 'bin', 'doccano');
    const env = { DOCCANO_HOME: dir, SECRET_KEY: `exam-${port}`, DEBUG: 'False' };
    const setUp = (...args: string[]) =>
      promisify(execFile)(doccano, args, { cwd: dir, env: { ...process.env, ...env } });
    await setUp('init');
    await setUp('createuser', '--username', ADMIN.username, '--password', ADMIN.password);
    return tools.program({
      command: doccano,
      args: ['webserver', '--port', String(port), '--workers', '2'],
      cwd: dir,
      env,
      readyUrl: `http://127.0.0.1:${port}/admin/login/`,
    });
  },

  async drive(baseUrl, note) {
    const admin = new Browser(baseUrl);
    note('users are added in the admin');
    const names = [person().username, person().username, person().username];
    await signIn(admin);
    for (const name of names) await addUser(admin, name);
    note('two managers at once');
    const [mia, noa, otto] = names as [string, string, string];
    await Promise.all([manager(baseUrl, ADMIN.username, ADMIN.password, mia), watcher(admin, names)]);
    await Promise.all([
      manager(baseUrl, ADMIN.username, ADMIN.password, noa),
      annotator(baseUrl, mia),
      script(baseUrl, noa),
    ]);
    note('a user is removed in the admin');
    await removeUser(admin, otto);
  },
};

/** Keeps the CSRF token as pages do: from the cookie for calls, from the form for forms. */
class Browser {
  readonly #client: Client;
  #csrf = '';
  constructor(baseUrl: string) {
    this.#client = new Client(baseUrl, { headers: { referer: `${baseUrl}/` } });
  }
  async send(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = this.#csrf === '' ? {} : { 'x-csrftoken': this.#csrf };
    const answer = await this.#client.send(method, path, body, method === 'GET' ? {} : headers);
    for (const line of answer.headers.getSetCookie()) {
      const token = /^csrftoken=([^;]+)/.exec(line)?.[1];
      if (token) this.#csrf = token;
    }
    return answer;
  }
  get = (path: string) => this.send('GET', path);
  post = (path: string, body?: unknown) => this.send('POST', path, body);

  /** Fills in the form of a page, with what it came with, and sends it. */
  async submit(path: string, fields: Record<string, string>): Promise<Answer> {
    const page = expectStatus(await this.get(path), 200);
    const form = new URLSearchParams();
    for (const [input] of page.text.matchAll(/<input [^>]*type="(?:hidden|text|number|email)"[^>]*>/g)) {
      const name = /name="([^"]+)"/.exec(input)?.[1];
      if (name) form.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? '');
    }
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    return this.post(path, form);
  }
}

async function signIn(admin: Browser): Promise<void> {
  expectStatus(await admin.get('/admin/'), 302);
  const wrong = await admin.submit('/admin/login/?next=/admin/', { username: 'admin', password: 'wrong' });
  expectStatus(wrong, 200);
  const right = await admin.submit('/admin/login/?next=/admin/', { ...ADMIN, next: '/admin/' });
  expectStatus(right, 302);
  expectStatus(await admin.get('/admin/'), 200);
}

async function addUser(admin: Browser, username: string): Promise<void> {
  const [password1, password2] = [PASSWORD, PASSWORD];
  const bad = await admin.submit('/admin/auth/user/add/', { username, password1, password2: 'another' });
  expectStatus(bad, 200);
  const added = await admin.submit('/admin/auth/user/add/', { username, password1, password2 });
  const page = expectStatus(added, 302).headers.get('location')!;
  const email = `${username}@example.com`;
  const changed = await admin.submit(page, { email, is_active: 'on', first_name: username.split('.')[0]! });
  expectStatus(changed, 302);
  expectStatus(await admin.get(changed.headers.get('location')!), 200);
}

/** Looks around in the admin while others work. */
async function watcher(admin: Browser, names: string[]): Promise<void> {
  expectStatus(await admin.get('/admin/auth/user/'), 200);
  for (const name of names) expectStatus(await admin.get(`/admin/auth/user/?q=${name}`), 200);
  expectStatus(await admin.get('/admin/auth/user/?o=-1&p=9'), 200, 302);
  expectStatus(await admin.get('/admin/auth/user/99999/change/'), 302);
  expectStatus(await admin.get('/admin/'), 200);
}

async function removeUser(admin: Browser, username: string): Promise<void> {
  const { text } = expectStatus(await admin.get(`/admin/auth/user/?q=${username}`), 200);
  const [change = ''] = /\/admin\/auth\/user\/\d+\/change\//.exec(text) ?? [];
  expectStatus(await admin.get(change), 200);
  expectStatus(await admin.get(change.replace('change', 'history')), 200);
  expectStatus(await admin.submit(change.replace('change', 'delete'), { post: 'yes' }), 302);
  expectStatus(await admin.get('/admin/auth/user/'), 200);
  expectStatus(await admin.get(change), 302);
}

async function login(baseUrl: string, username: string, password: string): Promise<[Browser, string]> {
  const browser = new Browser(baseUrl);
  expectStatus(await browser.get('/v1/me'), 403);
  expectStatus(await browser.post('/v1/auth/login/', { username, password: 'wrong' }), 400);
  const { json } = expectStatus(await browser.post('/v1/auth/login/', { username, password }), 200);
  expectStatus(await browser.get('/v1/me'), 200);
  return [browser, json.key];
}

/** Makes a project with labels and texts, annotates, and gives `member` access. */
async function manager(baseUrl: string, username: string, password: string, member: string): Promise<void> {
  const [browser] = await login(baseUrl, username, password);
  const { json: roles } = expectStatus(await browser.get('/v1/roles'), 200);
  expectStatus(await browser.get('/v1/users'), 200);
  const { json: found } = expectStatus(await browser.get(`/v1/users?q=${member}`), 200);
  const project = {
    name: `${words(2)} ${number(100, 999)}`,
    description: sentence(),
    guideline: '# Guideline',
    project_type: 'DocumentClassification',
    resourcetype: 'TextClassificationProject',
    tags: [{ text: pick(['news', 'mail', 'chat']) }],
  };
  expectStatus(await browser.post('/v1/projects', { ...project, name: '' }), 400);
  const { json: made } = expectStatus(await browser.post('/v1/projects', project), 201);
  const home = `/v1/projects/${made.id}`;
  expectStatus(await browser.get(home), 200);
  expectStatus(await browser.post(`${home}/members`, { user: found[0].id, role: roles[1].id }), 201);
  expectStatus(await browser.get(`${home}/members`), 200);
  const labels: number[] = [];
  for (const [index, text] of ['positive', 'negative', words(1)].entries()) {
    const label = { text, suffix_key: String(index), background_color: '#209cee' };
    labels.push(expectStatus(await browser.post(`${home}/category-types`, label), 201).json.id);
  }
  const twice = { text: 'again', suffix_key: '0', background_color: '#209cee' };
  expectStatus(await browser.post(`${home}/category-types`, twice), 400);
  expectStatus(await browser.get(`${home}/category-types`), 200);
  const examples: number[] = [];
  for (let i = 0; i < 6; i++) {
    const example = { text: sentence(), meta: { line: i + 1, source: words(1) } };
    examples.push(expectStatus(await browser.post(`${home}/examples`, example), 201).json.id);
  }
  await readPages(browser, `${home}/examples?limit=4`);
  for (const id of examples.slice(0, 3)) await annotate(browser, home, id, pick(labels));
  const tag = expectStatus(await browser.post(`${home}/tags`, { text: words(1) }), 201);
  expectStatus(await browser.send('DELETE', `${home}/tags/${tag.json.id}`), 204);
  expectStatus(await browser.send('PATCH', `${home}/examples/${examples[1]}`, { text: sentence() }), 200);
  expectStatus(await browser.send('DELETE', `${home}/examples/${examples[5]}`), 204);
  expectStatus(await browser.get(`${home}/examples/${examples[5]}`), 404);
  expectStatus(await browser.send('DELETE', `${home}/category-types`, { ids: [labels[2]] }), 204);
  expectStatus(await browser.get(`${home}/metrics/progress`), 200);
  expectStatus(await browser.get(`${home}/metrics/category-distribution`), 200);
  expectStatus(await browser.get('/v1/projects?q=&limit=10'), 200);
  expectStatus(await browser.send('PATCH', home, { ...project, name: `${project.name} two` }), 200);
  expectStatus(await browser.post('/v1/auth/logout/'), 200);
  expectStatus(await browser.get(home), 403);
}

async function readPages(browser: Browser, first: string): Promise<void> {
  for (let next: string | null = first; next !== null; ) {
    const { json }: Answer = expectStatus(await browser.get(next), 200);
    next = json.next === null ? null : json.next.replace(/^https?:\/\/[^/]+/, '');
  }
}

async function annotate(browser: Browser, home: string, example: number, label: number): Promise<void> {
  const one = `${home}/examples/${example}`;
  const { json } = expectStatus(await browser.post(`${one}/categories`, { label }), 201);
  expectStatus(await browser.get(`${one}/categories/${json.id}`), 200);
  const comment = { text: sentence() };
  const { json: said } = expectStatus(
    await browser.post(`${home}/comments?example=${example}`, comment),
    201,
  );
  expectStatus(await browser.send('PUT', `${home}/comments/${said.id}`, { ...said, text: sentence() }), 200);
  expectStatus(await browser.get(`${home}/comments?example=${example}`), 200);
  expectStatus(await browser.post(`${one}/states`), 201);
  expectStatus(await browser.get(one), 200);
}

/** Works in the project that it is a member of. */
async function annotator(baseUrl: string, username: string): Promise<void> {
  const [browser] = await login(baseUrl, username, PASSWORD);
  const { json } = expectStatus(await browser.get('/v1/projects?limit=10'), 200);
  const home = `/v1/projects/${json.results[0].id}`;
  expectStatus(await browser.get(`${home}/my-role`), 200);
  const { json: page } = expectStatus(await browser.get(`${home}/examples?confirmed=`), 200);
  const { json: labels } = expectStatus(await browser.get(`${home}/category-types`), 200);
  for (const { id } of page.results.slice(0, 2)) await annotate(browser, home, id, labels[0].id);
  expectStatus(await browser.post(`${home}/category-types`, { text: 'mine' }), 403);
  expectStatus(await browser.send('DELETE', home), 403);
  expectStatus(await browser.post('/v1/auth/logout/'), 200);
}

/** Signs in once for its key, then calls with it. */
async function script(baseUrl: string, username: string): Promise<void> {
  const [, key] = await login(baseUrl, username, PASSWORD);
  const client = new Client(baseUrl, {
    userAgent: 'python-requests/2.32.3',
    headers: { authorization: `Token ${key}` },
  });
  expectStatus(await client.get('/v1/me'), 200);
  expectStatus(await client.get('/v1/projects'), 200);
  expectStatus(await client.get('/v1/projects/99999'), 403, 404);
  expectStatus(await client.get('/v1/me', { authorization: 'Token 0123456789abcdef' }), 401, 403);
  expectStatus(await client.get('/v1/me?format=xml', { accept: 'application/xml' }), 200);
}
