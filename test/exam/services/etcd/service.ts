// etcd: gRPC in Go, with its Node client: keys, ranges, transactions, leases, a lock, a watch. Revisions count up.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hex, number, person, sentence, words } from '../../browser-like.ts';
import type { ExamService } from '../../service.ts';

export const service: ExamService = {
  name: 'etcd',
  kind: 'gRPC (Go)',
  async install(cache, tools) {
    await tools.npm(cache, ['etcd3@1.1.2']);
    const module = 'go.etcd.io/etcd/server/v3';
    await tools.go(cache, { module: `${module}@v3.5.21`, main: module, name: 'etcd' });
  },

  async start({ port, dir, cache, tools }) {
    const [peer, metrics] = [await tools.freePort(), await tools.freePort()];
    return tools.program({
      command: join(cache, 'etcd'),
      args: [
        ...['--data-dir', join(dir, 'data'), '--listen-peer-urls', `http://127.0.0.1:${peer}`],
        ...['--listen-client-urls', `http://127.0.0.1:${port}`],
        ...['--listen-metrics-urls', `http://127.0.0.1:${metrics}`],
        // A cluster is known by these: they stay the same wherever it listens.
        ...['--advertise-client-urls', 'http://127.0.0.1:2379'],
        ...['--initial-advertise-peer-urls', 'http://127.0.0.1:2380'],
        ...['--initial-cluster', 'default=http://127.0.0.1:2380'],
      ],
      cwd: dir,
      readyUrl: `http://127.0.0.1:${metrics}/health`,
    });
  },

  async drive(baseUrl, note, cache) {
    const { Etcd3 } = createRequire(join(cache, 'package.json'))('etcd3');
    note('two tenants at once');
    await Promise.all([tenant(Etcd3, baseUrl), tenant(Etcd3, baseUrl)]);
    note('a third');
    await tenant(Etcd3, baseUrl);
  },
};

// biome-ignore lint/suspicious/noExplicitAny: the client comes from the cache, without its types.
async function tenant(Etcd3: any, baseUrl: string): Promise<void> {
  const client = new Etcd3({ hosts: baseUrl });
  const space = client.namespace(`tenants/${person().username}/`);
  const think = () => delay(number(1, 15));
  for (let i = 0; i < 12; i++) {
    await space
      .put(`config/${i}`)
      .value(JSON.stringify({ title: words(2), text: sentence(), at: Date.now() }));
    await think();
    if (i % 3 === 0) await space.get(`config/${i}`).json();
  }
  await space.getAll().prefix('config/').limit(5).sort('Key', 'Descend');
  await space.getAll().prefix('config/').count();
  await think();
  await transactions(space);
  const lease = client.lease(60, { autoKeepAlive: false });
  await lease.put(`sessions/${hex(6)}`).value(words(1));
  await lease.keepaliveOnce();
  await think();
  await client.maintenance.status();
  await space.delete().key('config/3');
  if ((await space.get('config/3').string()) !== null) throw new Error('a deleted key is still there');
  await lease.revoke();
  await space.delete().prefix('config/').getPrevious();
  client.close();
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
async function transactions(space: any): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const owner = words(1);
    const taken = space.if('leader', 'Create', '==', 0).then(space.put('leader').value(owner));
    await taken.else(space.get('leader')).commit();
    await delay(number(1, 15));
  }
  await space.put('counter').value(String(number(1, 9)));
  const current = await space.get('counter').string();
  const swap = space.if('counter', 'Value', '==', current).then(space.put('counter').value(`${current}0`));
  if (!(await swap.commit()).succeeded) throw new Error('nobody else had the counter');
}
