// Keycloak: OpenID Connect and an administration API in Java; forms, redirects and cookies of a browser, JWT, refresh tokens.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Answer, Client, expectStatus, hex, person, pick, words } from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

const VERSION = '26.0.8';
const ADMIN = { username: 'admin', password: 'admin-of-the-exam' };
const BACK = 'http://app.example.com/back';
const OPTIONS = ['--db=dev-mem', '--health-enabled=true'];

export const service: ExamService = {
  name: 'keycloak',
  kind: 'OpenID Connect and REST (Java, H2)',
  async install(cache, tools) {
    await tools.maven(cache, `org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`, 'keycloak.zip');
    if (existsSync(join(cache, 'built'))) return;
    await promisify(execFile)('unzip', ['-qo', join(cache, 'keycloak.zip'), '-d', cache]);
    await promisify(execFile)(join(home(cache), 'bin', 'kc.sh'), ['build', ...OPTIONS]);
    await cp(join(home(cache), 'version.txt'), join(cache, 'built'));
  },

  async start({ port, dir, cache, tools }) {
    const management = await tools.freePort();
    return tools.program({
      command: join(home(cache), 'bin', 'kc.sh'),
      args: [
        ...['start', '--optimized', '--http-enabled=true', '--hostname-strict=false', '--cache=local'],
        ...['--http-host=127.0.0.1', `--http-port=${port}`, `--http-management-port=${management}`],
      ],
      cwd: dir,
      env: {
        ...{ KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username, KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password },
        ...{ JAVA_OPTS_APPEND: '-Xmx512m -XX:TieredStopAtLevel=1' },
      },
      readyUrl: `http://127.0.0.1:${management}/health/ready`,
    });
  },

  async drive(baseUrl, note) {
    note('an administrator makes a realm');
    const admin = new Client(baseUrl);
    expectStatus(
      await token(admin, 'master', 'admin-cli', { ...ADMIN, password: 'wrong', grant_type: 'password' }),
      401,
    );
    await signInAdmin(admin);
    const realm = `shop-${hex(5)}`;
    expectStatus(await admin.post('/admin/realms', { realm, enabled: true, registrationAllowed: true }), 201);
    expectStatus(await admin.post('/admin/realms', { realm, enabled: true }), 409);
    const people = await populate(admin, realm);
    note('two users at once');
    await Promise.all(people.slice(0, 2).map((one) => browse(baseUrl, realm, one)));
    note('a third, and the administrator again');
    await browse(baseUrl, realm, people[2]!);
    await signInAdmin(admin);
    await lookUp(admin, realm, people);
  },
};

interface Person {
  username: string;
  password: string;
  id: string;
}

const home = (cache: string) => join(cache, `keycloak-${VERSION}`);
const openid = (realm: string) => `/realms/${realm}/protocol/openid-connect`;

async function token(
  client: Client,
  realm: string,
  client_id: string,
  form: Record<string, string>,
): Promise<Answer> {
  return client.post(`${openid(realm)}/token`, new URLSearchParams({ client_id, ...form }));
}

async function signInAdmin(admin: Client): Promise<void> {
  delete admin.headers.authorization;
  const { json } = expectStatus(
    await token(admin, 'master', 'admin-cli', { ...ADMIN, grant_type: 'password' }),
    200,
  );
  admin.headers.authorization = `Bearer ${json.access_token}`;
}

async function populate(admin: Client, realm: string): Promise<Person[]> {
  const base = `/admin/realms/${realm}`;
  const client = {
    clientId: 'web',
    publicClient: true,
    redirectUris: [`${BACK}*`],
    directAccessGrantsEnabled: true,
  };
  const made = expectStatus(await admin.post(`${base}/clients`, client), 201);
  expectStatus(await admin.get(new URL(made.headers.get('location')!).pathname), 200);
  const roles = [`buyer-${hex(3)}`, `seller-${hex(3)}`];
  for (const name of roles)
    expectStatus(await admin.post(`${base}/roles`, { name, description: words(3) }), 201);
  const group = expectStatus(await admin.post(`${base}/groups`, { name: words(2) }), 201);
  const groupId = group.headers.get('location')!.split('/').at(-1)!;
  const people: Person[] = [];
  for (let i = 0; i < 6; i++) {
    const { username, password, email, first, last } = person();
    const user = { username, email, firstName: first, lastName: last, enabled: true, emailVerified: true };
    const created = expectStatus(await admin.post(`${base}/users`, user), 201);
    const id = created.headers.get('location')!.split('/').at(-1)!;
    const credential = { type: 'password', value: password, temporary: false };
    expectStatus(await admin.put(`${base}/users/${id}/reset-password`, credential), 204);
    const role = expectStatus(await admin.get(`${base}/roles/${pick(roles)}`), 200).json;
    expectStatus(await admin.post(`${base}/users/${id}/role-mappings/realm`, [role]), 204);
    if (i % 2 === 0) expectStatus(await admin.put(`${base}/users/${id}/groups/${groupId}`), 204);
    people.push({ username, password, id });
  }
  expectStatus(await admin.post(`${base}/users`, { username: people[0]!.username }), 409);
  return people;
}

/** The way of a browser: form, code, tokens, and what an application does with them. */
async function browse(baseUrl: string, realm: string, { username, password }: Person): Promise<void> {
  const client = new Client(baseUrl);
  const query = new URLSearchParams({
    ...{ client_id: 'web', response_type: 'code', scope: 'openid profile email' },
    ...{ redirect_uri: BACK, state: hex(16), nonce: hex(16) },
  });
  const form = expectStatus(await client.get(`${openid(realm)}/auth?${query}`), 200);
  const fill = async (page: Answer, pass: string) => {
    const [, action = ''] = /action="([^"]+)"/.exec(page.text) ?? [];
    const url = new URL(action.replaceAll('&amp;', '&'), baseUrl);
    return client.post(
      url.pathname + url.search,
      new URLSearchParams({ username, password: pass, credentialId: '' }),
    );
  };
  const again = expectStatus(await fill(form, 'wrong'), 200);
  const back = expectStatus(await fill(again, password), 302);
  const code = new URL(back.headers.get('location')!).searchParams.get('code')!;
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: BACK };
  expectStatus(await token(client, realm, 'web', { ...exchange, code: hex(32) }), 400);
  let { json: tokens } = expectStatus(await token(client, realm, 'web', exchange), 200);
  const bearer = (): Record<string, string> => ({ authorization: `Bearer ${tokens.access_token}` });
  expectStatus(await client.get(`${openid(realm)}/userinfo`, bearer()), 200);
  for (let i = 0; i < 3; i++) {
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    tokens = expectStatus(await token(client, realm, 'web', refresh), 200).json;
    expectStatus(await client.get(`${openid(realm)}/userinfo`, bearer()), 200);
  }
  expectStatus(
    await client.get(`/realms/${realm}/account/?userProfileMetadata=true`, bearer()),
    200,
    401,
    403,
  );
  const out = new URLSearchParams({ client_id: 'web', refresh_token: tokens.refresh_token });
  expectStatus(await client.post(`${openid(realm)}/logout`, out), 204);
  expectStatus(await client.get(`${openid(realm)}/userinfo`, bearer()), 401);
}

async function lookUp(admin: Client, realm: string, people: Person[]): Promise<void> {
  const base = `/admin/realms/${realm}`;
  const [first, second] = people as [Person, Person];
  for (const page of [0, 2, 4]) expectStatus(await admin.get(`${base}/users?first=${page}&max=2`), 200);
  expectStatus(await admin.get(`${base}/users/count`), 200);
  expectStatus(await admin.get(`${base}/users?search=${first.username.slice(0, 5)}`), 200);
  expectStatus(await admin.get(`${base}/users?username=${second.username}&exact=true`), 200);
  expectStatus(await admin.get(`${base}/users/${first.id}/role-mappings`), 200);
  expectStatus(await admin.get(`${base}/users/${first.id}/groups`), 200);
  expectStatus(
    await admin.put(`${base}/users/${first.id}`, { firstName: words(1), attributes: { x: ['1'] } }),
    204,
  );
  expectStatus(await admin.get(`${base}/users/${first.id}`), 200);
  expectStatus(await admin.delete(`${base}/users/${second.id}`), 204);
  expectStatus(await admin.get(`${base}/users/${second.id}`), 404);
  expectStatus(await admin.get(`${base}/roles`), 200);
  expectStatus(await admin.get(`${base}/groups`), 200);
  expectStatus(await admin.get(`${base}/clients?clientId=web`), 200);
  expectStatus(await admin.get(`/realms/${realm}/.well-known/openid-configuration`), 200);
  expectStatus(await admin.get(`${openid(realm)}/certs`), 200);
  expectStatus(await admin.get(`/admin/realms/${hex(5)}`), 404);
  expectStatus(await admin.delete(base), 204);
}
