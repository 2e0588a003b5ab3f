// MLflow: the tracking server and model registry, REST over SQLite in Python; hex ids, serial ids, page tokens, times in ms.
import { join } from 'node:path';
import { Client, expectStatus, hex, number, person, pick, sentence, words } from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

const API = '/api/2.0/mlflow';

export const service: ExamService = {
  name: 'mlflow',
  kind: 'REST with verbs in paths (Python, SQLite)',
  install: (cache, tools) => tools.pip(cache, ['mlflow==3.17.2']),

  async start({ port, dir, cache, tools }) {
    return tools.program({
      command: join(cache, 'venv', 'bin', 'mlflow'),
      args: [
        ...['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
        ...['--backend-store-uri', `sqlite:///${join(dir, 'mlflow.db')}`],
        ...['--default-artifact-root', 'file:///var/artifacts', '--no-serve-artifacts'],
      ],
      cwd: dir,
      readyUrl: `http://127.0.0.1:${port}/health`,
    });
  },

  async drive(baseUrl, note) {
    note('two scientists at once');
    await Promise.all([scientist(baseUrl), scientist(baseUrl)]);
    note('a third');
    await scientist(baseUrl);
  },
};

async function scientist(baseUrl: string): Promise<void> {
  const client = new Client(baseUrl, { userAgent: 'mlflow-python-client/3.17.2' });
  const { username } = person();
  const name = `${words(2)} ${hex(4)}`;
  const tags = [{ key: 'team', value: pick(['vision', 'speech', 'search']) }];
  const { json } = expectStatus(await client.post(`${API}/experiments/create`, { name, tags }), 200);
  expectStatus(await client.post(`${API}/experiments/create`, { name }), 400);
  const id: string = json.experiment_id;
  expectStatus(await client.get(`${API}/experiments/get?experiment_id=${id}`), 200);
  expectStatus(
    await client.get(`${API}/experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`),
    200,
  );
  const runs: string[] = [];
  for (let i = 0; i < 5; i++) runs.push(await run(client, id, username));
  await search(client, id);
  await register(client, runs[0]!);
  expectStatus(await client.post(`${API}/runs/delete`, { run_id: runs[1] }), 200);
  expectStatus(await client.post(`${API}/runs/restore`, { run_id: runs[1] }), 200);
  expectStatus(await client.get(`${API}/runs/get?run_id=${hex(32)}`), 404);
  expectStatus(await client.post(`${API}/runs/search`, { experiment_ids: [id], filter: 'nonsense' }), 400);
  expectStatus(
    await client.post(`${API}/experiments/update`, { experiment_id: id, new_name: `${name} done` }),
    200,
  );
}

async function run(client: Client, experiment: string, user: string): Promise<string> {
  const body = { experiment_id: experiment, start_time: Date.now(), run_name: words(2), user_id: user };
  const { json } = expectStatus(await client.post(`${API}/runs/create`, body), 200);
  const run_id: string = json.run.info.run_id;
  const metrics = Array.from({ length: 3 }, (_, step) => ({
    ...{ key: 'loss', value: number(1, 1000) / 1000, timestamp: Date.now(), step },
  }));
  const params = [{ key: 'rate', value: String(number(1, 99) / 1000) }];
  expectStatus(await client.post(`${API}/runs/log-batch`, { run_id, metrics, params }), 200);
  const metric = { run_id, key: 'accuracy', value: number(1, 100) / 100, timestamp: Date.now() };
  expectStatus(await client.post(`${API}/runs/log-metric`, metric), 200);
  expectStatus(await client.post(`${API}/runs/set-tag`, { run_id, key: 'note', value: sentence() }), 200);
  expectStatus(await client.get(`${API}/metrics/get-history?run_id=${run_id}&metric_key=loss`), 200);
  const end = { run_id, status: pick(['FINISHED', 'FAILED']), end_time: Date.now() };
  expectStatus(await client.post(`${API}/runs/update`, end), 200);
  expectStatus(await client.get(`${API}/runs/get?run_id=${run_id}`), 200);
  return run_id;
}

async function search(client: Client, experiment: string): Promise<void> {
  let page_token: string | undefined;
  do {
    const body = {
      experiment_ids: [experiment],
      max_results: 2,
      order_by: ['metrics.accuracy DESC'],
      page_token,
    };
    const { json } = expectStatus(await client.post(`${API}/runs/search`, body), 200);
    page_token = json.next_page_token;
  } while (page_token);
  const body = {
    experiment_ids: [experiment],
    filter: "attributes.status = 'FINISHED' and metrics.accuracy > 0.2",
  };
  expectStatus(await client.post(`${API}/runs/search`, body), 200);
  expectStatus(await client.post(`${API}/experiments/search`, { max_results: 2, view_type: 'ALL' }), 200);
}

async function register(client: Client, run_id: string): Promise<void> {
  const name = `model-${hex(6)}`;
  expectStatus(await client.post(`${API}/registered-models/create`, { name, description: sentence() }), 200);
  expectStatus(await client.post(`${API}/registered-models/create`, { name }), 400);
  for (let i = 0; i < 2; i++) {
    const source = `file:///var/artifacts/${run_id}/model`;
    expectStatus(await client.post(`${API}/model-versions/create`, { name, source, run_id }), 200, 400);
  }
  expectStatus(await client.get(`${API}/registered-models/get?name=${name}`), 200);
  const alias = { name, alias: 'champion', version: '1' };
  expectStatus(await client.post(`${API}/registered-models/alias`, alias), 200, 404);
  expectStatus(await client.get(`${API}/registered-models/search?max_results=5`), 200);
}
