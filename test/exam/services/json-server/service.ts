// json-server with json-server-auth: REST over a JSON file, serial ids, bearer tokens, pages in Link headers.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, expectStatus, number, person, pick, sentence, words } from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

const TAGS = ['news', 'howto', 'opinion'];

export const service: ExamService = {
  name: 'json-server',
  kind: 'REST over a file (Node)',
  install: (cache, tools) => tools.npm(cache, ['json-server@0.17.4', 'json-server-auth@2.1.0']),

  async start({ port, dir, cache, tools }) {
    const database = join(dir, 'db.json');
    await writeFile(
      database,
      JSON.stringify({ users: [], posts: [], comments: [], profile: { name: 'blog' } }),
    );
    const bin = join(cache, 'node_modules', 'json-server-auth', 'dist', 'bin.js');
    return tools.program({
      command: process.execPath,
      args: [bin, database, '--port', String(port), '--host', '127.0.0.1', '--quiet'],
      cwd: dir,
      readyUrl: `http://127.0.0.1:${port}/posts`,
    });
  },

  async drive(baseUrl, note) {
    note('two authors at once');
    await Promise.all([author(baseUrl), author(baseUrl)]);
    note('a reader');
    await reader(baseUrl);
    note('a third author');
    await author(baseUrl);
  },
};

async function author(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl);
  const { email, password, first } = person();
  expectStatus(await client.post('/users', { email, password: 'x' }), 400);
  const { json: account } = expectStatus(await client.post('/register', { email, password, first }), 201);
  expectStatus(await client.post('/login', { email, password: `${password}!` }), 400);
  const { json: login } = expectStatus(await client.post('/login', { email, password }), 200);
  client.headers.authorization = `Bearer ${login.accessToken}`;
  const posts: number[] = [];
  for (let i = 0; i < 8; i++) {
    const body = {
      title: words(3),
      body: sentence(),
      tag: pick(TAGS),
      userId: account.user.id,
      createdAt: new Date(),
    };
    const { json } = expectStatus(await client.post('/posts', body), 201);
    posts.push(json.id);
  }
  for (const id of posts.slice(0, 4)) {
    expectStatus(await client.get(`/posts/${id}`), 200);
    expectStatus(await client.patch(`/posts/${id}`, { title: words(4), views: number(1, 500) }), 200);
    const comment = { postId: id, body: sentence(), at: Date.now() };
    const { json } = expectStatus(await client.post('/comments', comment), 201);
    expectStatus(await client.get(`/comments?postId=${id}`), 200);
    if (Math.random() < 0.5) expectStatus(await client.delete(`/comments/${json.id}`), 200);
  }
  expectStatus(await client.put(`/posts/${posts[4]}`, { title: words(2), userId: account.user.id }), 200);
  expectStatus(await client.delete(`/posts/${posts[5]}`), 200);
  expectStatus(await client.get(`/posts/${posts[5]}`), 404);
  expectStatus(await client.get(`/posts?userId=${account.user.id}&_sort=title&_order=desc`), 200);
  expectStatus(await client.get(`/users/${account.user.id}`), 200);
}

async function reader(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl);
  let path: string | undefined = '/posts?_page=1&_limit=5';
  while (path) {
    const page = expectStatus(await client.get(path), 200);
    for (const post of page.json.slice(0, 2))
      expectStatus(await client.get(`/posts/${post.id}?_embed=comments`), 200);
    const next: string | undefined = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    path = next && new URL(next).pathname + new URL(next).search;
  }
  for (const tag of TAGS) expectStatus(await client.get(`/posts?tag=${tag}`), 200);
  const list = expectStatus(await client.get('/posts?q=ar&_start=0&_end=3'), 200);
  const etag = list.headers.get('etag');
  if (etag) expectStatus(await client.get('/posts?q=ar&_start=0&_end=3', { 'if-none-match': etag }), 304);
  expectStatus(await client.get('/profile'), 200);
  expectStatus(await client.get('/posts/999999'), 404);
  expectStatus(await client.get('/nothing'), 404);
}
