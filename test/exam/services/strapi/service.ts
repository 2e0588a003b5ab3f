// Strapi: a CMS in Node with PostgreSQL; an administrator's API with tokens and cookies, REST with populated relations, uploads.
import { join } from 'node:path';
import { hex, number, person, pick, sentence, words } from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';
import { writeProject } from './project.ts';
import { Reader } from './reader.ts';

const VERSIONS = { '@strapi/strapi': '5.54.0', '@strapi/plugin-users-permissions': '5.54.0', pg: '8.23.1' };
/** Peers of the administrator's pages, which are not served. */
const PEERS = ['react@18.3.1', 'react-dom@18.3.1', 'react-router-dom@6.30.6', 'styled-components@6.6.0'];
const START = "require('@strapi/strapi').createStrapi({ appDir: '.', distDir: '.' }).start()";
const ADMIN = { email: 'chief@example.com', password: 'Correct-horse-42' };
const ARTICLES = '/content-manager/collection-types/api::article.article';

export const service: ExamService = {
  name: 'strapi',
  kind: 'REST of a CMS (Node, PostgreSQL)',
  install: (cache, tools) =>
    tools.npm(cache, [...Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`), ...PEERS]),

  async start({ port, dir, cache, tools }) {
    const database = await tools.postgres(join(dir, 'postgres'));
    const app = join(dir, 'app');
    const secret = () => hex(32);
    await writeProject({ dir: app, cache, port, database: database.url, versions: VERSIONS, secret });
    const program = await tools.program({
      ...{ command: process.execPath, args: ['-e', START], cwd: app },
      env: {
        NODE_ENV: 'production',
        STRAPI_TELEMETRY_DISABLED: 'true',
        STRAPI_DISABLE_UPDATE_NOTIFICATION: 'true',
      },
      readyUrl: `http://127.0.0.1:${port}/_health`,
    });
    return {
      async stop() {
        await program.stop();
        await database.stop();
      },
    };
  },

  async drive(baseUrl, note) {
    note('the first administrator');
    const admin = await firstAdmin(baseUrl);
    const topics = await prepare(admin);
    note('a reader who writes, then two at once');
    // The first upload of all makes a folder: two at once would both try.
    await write(baseUrl, topics);
    await Promise.all([write(baseUrl, topics), write(baseUrl, topics)]);
    note('an editor, and a site with a token');
    await edit(admin, topics);
    await site(baseUrl, admin);
  },
};

async function firstAdmin(baseUrl: string): Promise<Reader> {
  const admin = new Reader(baseUrl);
  await admin.get('/admin/init');
  const account = { firstname: 'Chief', lastname: words(1), ...ADMIN };
  await admin.expect(400, 'POST', '/admin/register-admin', { ...account, password: 'short' });
  await admin.post('/admin/register-admin', account, 200);
  await admin.expect(400, 'POST', '/admin/login', { ...ADMIN, password: 'wrong' });
  const { data } = await admin.post('/admin/login', ADMIN, 200);
  admin.bearer(data.token ?? data.accessToken);
  const me = await admin.get('/admin/users/me');
  if (me.data.email !== ADMIN.email) throw new Error('somebody else is signed in');
  return admin;
}

/** What signed-in users and the public may do, and the topics. */
async function prepare(admin: Reader): Promise<string[]> {
  const { roles } = await admin.get('/users-permissions/roles');
  for (const { id, type } of roles) {
    const { role } = await admin.get(`/users-permissions/roles/${id}`);
    const may = (api: string, actions: string[]) => {
      const { controllers } = role.permissions[api];
      for (const controller of Object.values<Record<string, { enabled: boolean }>>(controllers))
        for (const action of actions) if (controller[action]) controller[action].enabled = true;
    };
    may('api::topic', ['find', 'findOne']);
    may(
      'api::article',
      type === 'authenticated' ? ['find', 'findOne', 'create', 'update', 'delete'] : ['find', 'findOne'],
    );
    if (type === 'authenticated') may('plugin::upload', ['upload', 'find', 'findOne']);
    await admin.send('PUT', `/users-permissions/roles/${id}`, role, 200);
  }
  const topics: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { data } = await admin.post('/content-manager/collection-types/api::topic.topic', {
      name: `${words(1)} ${hex(4)}`,
    });
    topics.push(data.documentId);
  }
  await admin.get('/content-manager/collection-types/api::topic.topic?page=1&pageSize=10&sort=name:ASC');
  return topics;
}

async function write(baseUrl: string, topics: string[]): Promise<void> {
  const reader = new Reader(baseUrl);
  const { username, email, password } = person();
  await reader.expect(400, 'POST', '/api/auth/local/register', { username, email: 'nobody', password });
  await reader.post('/api/auth/local/register', { username, email, password }, 200);
  await reader.expect(400, 'POST', '/api/auth/local/register', { username, email, password });
  await reader.expect(400, 'POST', '/api/auth/local', { identifier: email, password: 'wrong' });
  const { jwt } = await reader.post('/api/auth/local', { identifier: email, password }, 200);
  await reader.expect(403, 'POST', '/api/articles', { data: { title: words(3) } });
  reader.bearer(jwt);
  const me = await reader.get('/api/users/me');
  if (me.username !== username) throw new Error('somebody else is signed in');
  const documents: string[] = [];
  for (let i = 0; i < 6; i++) documents.push(await article(reader, topics));
  const [first = '', second = '', third = ''] = documents;
  await reader.get(`/api/articles/${first}?populate=topic`);
  const picture = await upload(reader);
  await reader.send('PUT', `/api/articles/${second}`, { data: { picture, rating: 5 } }, 200);
  const { data: shown } = await reader.get(`/api/articles/${second}?populate=*`);
  if (!(await reader.text(shown.picture.url)).includes('picture of'))
    throw new Error('the file came back changed');
  await reader.get(
    `/api/articles?filters[topic][documentId][$eq]=${topics[0]}&sort=rating:desc,title&fields[0]=title&fields[1]=rating`,
  );
  for (const page of [1, 2])
    await reader.get(
      `/api/articles?sort=title&pagination[page]=${page}&pagination[pageSize]=4&populate=topic`,
    );
  await reader.send('DELETE', `/api/articles/${third}`, undefined, 204);
  await reader.expect(404, 'GET', `/api/articles/${third}`);
  await reader.expect(404, 'PUT', `/api/articles/${hex(24)}`, { data: { rating: 2 } });
  await reader.expect(400, 'POST', '/api/articles', { data: { rating: 1 } });
  await reader.expect(400, 'POST', '/api/articles', { data: { title: words(2), rating: 9 } });
  await reader.expect(400, 'GET', '/api/articles?filters[nothing][$eq]=1');
  await reader.expect(401, 'GET', '/admin/users/me');
  await reader.get(`/api/topics?populate[articles][fields][0]=title&sort=name`);
}

async function article(reader: Reader, topics: string[]): Promise<string> {
  const body = {
    ...{
      title: `${words(3)} ${hex(3)}`,
      text: sentence(),
      rating: number(1, 5),
      price: number(100, 9_000) / 100,
    },
    ...{ printed: `2026-0${number(1, 9)}-1${number(0, 9)}`, topic: pick(topics) },
  };
  const { data } = await reader.post('/api/articles', { data: body });
  if (data.title !== body.title) throw new Error('another article was made');
  return data.documentId;
}

async function upload(reader: Reader): Promise<number> {
  const form = new FormData();
  form.set(
    'files',
    new File([`A picture of ${words(4)} ${hex(40)}\n`], `picture-${hex(3)}.txt`, { type: 'text/plain' }),
  );
  form.set('fileInfo', JSON.stringify({ alternativeText: sentence(), caption: words(2) }));
  const [file] = await reader.post('/api/upload', form);
  await reader.get(`/api/upload/files/${file.id}`);
  return file.id;
}

/** An editor's way: drafts, publishing, versions of one document, deletion of several. */
async function edit(admin: Reader, topics: string[]): Promise<void> {
  const made: string[] = [];
  for (let i = 0; i < 4; i++) {
    const { uid } = { uid: `${words(1)}-${hex(5)}` };
    const draft = {
      title: words(4),
      slug: uid,
      text: sentence(),
      rating: number(1, 5),
      topic: { connect: [{ documentId: pick(topics) }] },
    };
    const { data } = await admin.post(ARTICLES, draft);
    made.push(data.documentId);
  }
  const [first = '', second = '', third = '', fourth = ''] = made;
  await admin.post(
    '/content-manager/uid/generate',
    { contentTypeUID: 'api::article.article', field: 'slug', data: { title: words(3) } },
    200,
  );
  await admin.send('PUT', `${ARTICLES}/${first}`, { text: sentence() }, 200);
  await admin.post(`${ARTICLES}/${first}/actions/publish`, {}, 200);
  await admin.get(`${ARTICLES}/${first}?status=published`);
  await admin.post(`${ARTICLES}/${first}/actions/unpublish`, {}, 200);
  await admin.post(`${ARTICLES}/actions/bulkPublish`, { documentIds: [second, third] }, 200);
  await admin.get(`${ARTICLES}?page=1&pageSize=5&sort=title:ASC`);
  await admin.get(`${ARTICLES}?page=2&pageSize=5&sort=createdAt:DESC`);
  await admin.get(`/content-manager/relations/api::article.article/topic?_q=&pageSize=10&page=1`);
  await admin.post(`${ARTICLES}/actions/bulkDelete`, { documentIds: [third, fourth] }, 200);
  await admin.expect(404, 'GET', `${ARTICLES}/${fourth}`);
  await admin.expect(400, 'POST', ARTICLES, { title: 'no' }, 201);
  await admin.get('/content-manager/content-types');
  await admin.get('/upload/files?page=1&pageSize=10&sort=createdAt:DESC');
  await admin.get('/users-permissions/roles');
}

async function site(baseUrl: string, admin: Reader): Promise<void> {
  const wish = { name: `site-${hex(4)}`, description: sentence(), type: 'read-only', lifespan: null };
  const { data: token } = await admin.post('/admin/api-tokens', wish);
  const client = new Reader(baseUrl);
  client.bearer(hex(64));
  await client.expect(401, 'GET', '/api/articles');
  client.bearer(token.accessKey);
  const { data: list } = await client.get('/api/articles?pagination[start]=0&pagination[limit]=3&populate=*');
  for (const { documentId } of list) await client.get(`/api/articles/${documentId}?fields[0]=title`);
  await client.get('/api/topics?pagination[withCount]=false');
  await client.expect(403, 'POST', '/api/articles', { data: { title: words(3) } });
  await admin.get('/admin/api-tokens');
  await admin.send('DELETE', `/admin/api-tokens/${token.id}`, undefined, 200);
  await client.expect(401, 'GET', '/api/articles');
  await admin.get('/admin/users?page=1&pageSize=10');
  await admin.post('/admin/logout', {}, 200);
}
