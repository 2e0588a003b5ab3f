// Spring Cloud Data Flow: Spring Boot with HATEOAS (HAL) over JPA and H2 in memory; absolute links in every answer, pages,
// forms as requests, serial ids and times of the audit, errors as HAL resources.
import { join } from 'node:path';
import { Client, expectStatus, hex, number, pick, sentence } from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

const ARTIFACT = 'org.springframework.cloud:spring-cloud-dataflow-server:2.7.0:jar';

export const service: ExamService = {
  name: 'dataflow',
  kind: 'REST with HAL links (Java, Spring Boot, H2)',
  install: (cache, tools) => tools.maven(cache, ARTIFACT, 'server.jar'),

  async start({ port, dir, cache, tools }) {
    return tools.program({
      command: 'java',
      args: [
        ...['-XX:TieredStopAtLevel=1', '-Xmx512m', '-jar', join(cache, 'server.jar')],
        ...[
          `--server.port=${port}`,
          '--server.address=127.0.0.1',
          '--spring.datasource.url=jdbc:h2:mem:exam',
        ],
      ],
      cwd: dir,
      env: { HOME: dir },
      readyUrl: `http://127.0.0.1:${port}/about`,
    });
  },

  async drive(baseUrl, note) {
    note('an operator registers applications');
    const apps = await registrar(baseUrl);
    note('three teams at once');
    await Promise.all([team(baseUrl, apps), team(baseUrl, apps), reader(baseUrl)]);
    note('the audit');
    await auditor(baseUrl);
  },
};

interface Apps {
  source: string;
  sink: string;
  task: string;
}

const form = (fields: Record<string, string>) => new URLSearchParams(fields);
/** As clients of HAL do: the path of a link that an answer gave. */
const pathOf = (href: string) => href.replace(/^https?:\/\/[^/]+/, '').replace(/\{.*$/, '');

async function registrar(baseUrl: string): Promise<Apps> {
  const client = new Client(baseUrl, { userAgent: 'Spring Cloud Data Flow Shell', thinkMs: 30 });
  const { json: root } = expectStatus(await client.get('/'), 200);
  expectStatus(await client.get('/about'), 200);
  expectStatus(await client.get(pathOf(root._links.apps.href)), 200);
  const apps = { source: `reader-${hex(4)}`, sink: `writer-${hex(4)}`, task: `batch-${hex(4)}` };
  for (const [type, name] of Object.entries(apps))
    for (const version of ['1.0.0', '1.1.0']) {
      const uri = `file:///opt/apps/${name}-${version}.jar`;
      expectStatus(await client.post(`/apps/${type}/${name}/${version}`, form({ uri })), 201);
    }
  const uri = `file:///opt/apps/${apps.source}-1.0.0.jar`;
  expectStatus(await client.post(`/apps/source/${apps.source}/1.0.0`, form({ uri })), 409);
  expectStatus(await client.post('/apps/source/broken', form({ uri: 'nonsense' })), 400, 500);
  expectStatus(await client.put(`/apps/sink/${apps.sink}/1.1.0`), 202);
  expectStatus(await client.get('/apps?page=0&size=2&sort=name,desc'), 200);
  expectStatus(await client.get('/apps?page=1&size=2&sort=name,desc'), 200);
  expectStatus(await client.get(`/apps?search=${apps.task}&type=task`), 200);
  expectStatus(await client.delete(`/apps/task/${apps.task}/1.1.0`), 200);
  expectStatus(await client.delete(`/apps/task/${apps.task}/9.9.9`), 404);
  expectStatus(await client.get('/apps/source/nobody'), 404);
  return apps;
}

async function team(baseUrl: string, apps: Apps): Promise<void> {
  const client = new Client(baseUrl, { thinkMs: 30 });
  const made: string[] = [];
  for (let i = 0; i < 4; i++) {
    const name = `${pick(['nightly', 'hourly', 'weekly'])}-${hex(5)}`;
    const definition = `${apps.task} --size=${number(1, 99)}`;
    const body = form({ name, definition, description: sentence() });
    const { json } = expectStatus(await client.post('/tasks/definitions', body), 200);
    made.push(json.name);
    expectStatus(await client.get(pathOf(json._links.self.href)), 200);
  }
  const again = form({ name: made[0]!, definition: apps.task });
  expectStatus(await client.post('/tasks/definitions', again), 409);
  expectStatus(await client.post('/tasks/definitions', form({ name: 'x', definition: 'nobody' })), 404);
  expectStatus(await client.post('/tasks/definitions', form({ name: 'y', definition: '<<' })), 400, 500);
  await walk(client, '/tasks/definitions?page=0&size=3&sort=taskName');
  const name = `flow-${hex(5)}`;
  const definition = `first: ${apps.task} && second: ${apps.task} --size=${number(1, 9)}`;
  expectStatus(await client.post('/tasks/definitions', form({ name, definition })), 200);
  expectStatus(await client.get(`/tasks/definitions/${name}-first`), 200);
  expectStatus(await client.get(`/tasks/validation/${made[1]}`), 200);
  expectStatus(await client.get(`/tasks/definitions?search=${made[1]}`), 200);
  expectStatus(await client.get('/tasks/executions'), 200);
  expectStatus(await client.get('/tasks/executions/99'), 404);
  expectStatus(await client.get('/audit-records?operations=TASK&page=0&size=5'), 200);
  expectStatus(await client.delete(`/tasks/definitions/${made[3]}`), 200);
  expectStatus(await client.get(`/tasks/definitions/${made[3]}`), 404);
  expectStatus(await client.delete(`/tasks/definitions/${made[3]}`), 404);
  expectStatus(await client.get(`/audit-records?page=0&size=20`), 200);
}

/** Follows the next links of pages. */
async function walk(client: Client, first: string): Promise<void> {
  for (let next: string | undefined = first; next !== undefined; ) {
    const { json } = expectStatus(await client.get(next), 200);
    next = json._links?.next ? pathOf(json._links.next.href) : undefined;
  }
}

async function reader(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl, { thinkMs: 60 });
  for (let i = 0; i < 4; i++) {
    expectStatus(await client.get('/apps?size=50'), 200);
    expectStatus(await client.get('/tasks/definitions?size=50'), 200);
    expectStatus(await client.get('/jobs/executions'), 200);
  }
  expectStatus(await client.get('/schema/versions'), 200, 404);
  expectStatus(await client.get('/tasks/platforms'), 200);
  expectStatus(await client.get('/runtime/apps/nobody'), 404, 500);
}

async function auditor(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl);
  expectStatus(await client.get('/audit-records/audit-operation-types'), 200);
  expectStatus(await client.get('/audit-records/audit-action-types'), 200);
  const { json } = expectStatus(await client.get('/audit-records?size=10&sort=id,desc'), 200);
  for (const record of json._embedded.auditRecordResourceList.slice(0, 6))
    expectStatus(await client.get(pathOf(record._links.self.href)), 200);
  expectStatus(await client.get(`/audit-records/99999`), 404);
  await walk(client, '/audit-records?size=8');
}
