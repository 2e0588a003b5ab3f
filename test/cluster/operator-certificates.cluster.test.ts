// Certificates of the operator against a real API server, which judges them by the real time: the operator's clock begins in
// the past and is set to now. Rotation under load loses no admission; what expired or was damaged is mended; two operators
// that write at the same time agree.
import { createKubeClient, type KubeClient, RESOURCES } from '@echoplane/kube';
import { INJECT_ANNOTATION, INJECT_LABEL, NAMESPACE_CA_SECRET, SECRETS } from '@echoplane/resources';
import { silentLogger, systemClock } from '@echoplane/runtime';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Authorities, type Leaf } from '../../packages/operator/src/certificates/authorities.ts';
import { isSignedBy, readCertificate } from '../../packages/operator/src/certificates/pem-facts.ts';
import { textsOf } from '../../packages/operator/src/certificates/secret-writer.ts';
import {
  SetAheadClock,
  type StartedOperator,
  startOperator,
} from '../../packages/operator/src/operator.fixture.ts';
import { freePort } from '../ports.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject, until } from './kube-access.fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
let server: ApiServer;
let client: KubeClient;
const operators: StartedOperator[] = [];

beforeAll(async () => {
  server = await startApiServer();
  client = createKubeClient(await adminAccess(server));
  await installKinds(server);
  for (const name of ['echoplane', 'shop']) await client.create(RESOURCES.namespaces, namespaceObject(name));
});
afterEach(async () => {
  for (const operator of operators.splice(0)) await operator.stop();
  for (const name of Object.values(SECRETS))
    await client.delete(RESOURCES.secrets, { namespace: 'echoplane', name });
  await client.delete(RESOURCES.leases, { namespace: 'echoplane', name: 'echoplane-operator' });
});
afterAll(async () => {
  client?.close();
  await server?.stop();
});

async function start(clock: SetAheadClock, name = 'operator-0'): Promise<StartedOperator> {
  const ports = { webhookPort: await freePort(), adminPort: await freePort() };
  const operator = await startOperator({ kubeconfig: server.adminKubeconfig, ...ports, clock, name });
  operators.push(operator);
  return operator;
}
const secret = async (name: string) =>
  textsOf(await client.get(RESOURCES.secrets, { namespace: 'echoplane', name }));
const certificateOf = async (name: string) => (await secret(name))['tls.crt'] ?? '';

/** Sets the operator's clock; a Secret that changes makes it look, even if it was looking when the time leapt. */
async function setAhead(clock: SetAheadClock, ms: number): Promise<void> {
  clock.setAhead(ms);
  const patch = { metadata: { annotations: { leapt: String(ms) } } };
  const ref = { namespace: 'echoplane', name: SECRETS.internalCa };
  await client.patch(RESOURCES.secrets, ref, patch, { type: 'merge' });
}

/** A dry run that only our webhook can have changed. */
async function isAdmitted(): Promise<boolean> {
  const labels: Record<string, string> = { app: 'probe' };
  const made = await client.create(
    RESOURCES.deployments,
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
      metadata: { name: 'probe', namespace: 'shop', annotations: { [INJECT_ANNOTATION]: 'true' } },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
      },
    },
    { dryRun: true },
  );
  return made.spec.template.metadata.labels[INJECT_LABEL] === 'true';
}
/** Admissions without pause, and how many there were and how many our webhook missed. */
function load(): { counts: { made: number; missed: number }; stop(): Promise<{ missed: number }> } {
  let goesOn = true;
  const counts = { made: 0, missed: 0 };
  const lane = async () => {
    while (goesOn) {
      if (!(await isAdmitted())) counts.missed++;
      counts.made++;
    }
  };
  const lanes = [lane(), lane()];
  return {
    counts,
    async stop() {
      goesOn = false;
      await Promise.all(lanes);
      return counts;
    },
  };
}
const admitted = () => until(isAdmitted, () => 'not admitted');

test('a leaf at two thirds of its life is renewed under load, and no admission is lost', async () => {
  const clock = new SetAheadClock(-61 * DAY_MS);
  await start(clock);
  await admitted();
  const before = await certificateOf(SECRETS.operatorTls);
  const running = load();
  await setAhead(clock, 0);
  await until(
    async () => (await certificateOf(SECRETS.operatorTls)) !== before,
    () => 'not renewed',
  );
  // The renewal may be quicker than a few admissions.
  await until(
    () => running.counts.made > 5,
    () => running.counts.made,
  );
  await admitted();
  expect((await running.stop()).missed).toBe(0);
});

test('the authority is rotated under load with both trusted, then leaves follow, and no admission is lost', async () => {
  const clock = new SetAheadClock(-244 * DAY_MS);
  await start(clock);
  await until(
    async () => (await certificateOf(SECRETS.operatorTls)) !== '',
    () => 'no leaf',
  );
  await setAhead(clock, -30 * DAY_MS);
  await admitted();
  const [authority, leaf] = [
    await certificateOf(SECRETS.internalCa),
    await certificateOf(SECRETS.operatorTls),
  ];
  const running = load();
  await setAhead(clock, 0);
  await until(
    async () => (await certificateOf(SECRETS.internalCa)) !== authority,
    () => 'not rotated',
  );
  expect((await secret(SECRETS.internalCa))['previous.crt']).toBe(authority);
  await until(
    async () => ((await secret(SECRETS.operatorTls))['ca.crt'] ?? '').includes(authority),
    () => 'no overlap',
  );
  expect(await certificateOf(SECRETS.operatorTls)).toBe(leaf);
  await setAhead(clock, 2 * HOUR_MS);
  await until(
    async () => (await certificateOf(SECRETS.operatorTls)) !== leaf,
    () => 'the leaf did not follow',
  );
  await admitted();
  expect((await running.stop()).missed).toBe(0);
});

test('after everything expired unseen, it is mended without anybody', async () => {
  const clock = new SetAheadClock(-400 * DAY_MS);
  const operator = await start(clock);
  await until(
    async () => (await operator.trouble()) === '',
    () => 'not ready',
  );
  expect(await isAdmitted()).toBe(false);
  await setAhead(clock, 0);
  await admitted();
  await expect
    .poll(() => operator.metrics(), { timeout: 120_000 })
    .toMatch(/certificate_expiry_seconds\{secret="echoplane\/echoplane-operator-tls"\} 77\d{5}/);
});

test('damaged Secrets are mended, and the keys made once are never overwritten', async () => {
  await start(new SetAheadClock(0));
  await admitted();
  const key = (await secret(SECRETS.redaction))['redaction.key'];
  const damage = { data: { 'tls.crt': 'Z2FyYmFnZQ==' } };
  for (const name of [SECRETS.internalCa, SECRETS.operatorTls])
    await client.patch(RESOURCES.secrets, { namespace: 'echoplane', name }, damage, { type: 'merge' });
  await until(
    async () => {
      const [authority, leaf] = [
        await certificateOf(SECRETS.internalCa),
        await certificateOf(SECRETS.operatorTls),
      ];
      const areSound = authority.includes('BEGIN') && leaf.includes('BEGIN');
      return areSound && isSignedBy(readCertificate(leaf), readCertificate(authority));
    },
    () => 'not mended',
  );
  await admitted();
  expect((await secret(SECRETS.redaction))['redaction.key']).toBe(key);
});

test('two that write at the same time agree on one authority', async () => {
  const leaves: Leaf[] = [{ secret: SECRETS.operatorTls, names: ['a.test'], usage: 'both' }];
  const make = () =>
    new Authorities({
      client,
      installNamespace: 'echoplane',
      leaves,
      clock: systemClock(),
      log: silentLogger(),
    });
  const [first, second] = await Promise.all([make().keepInternal(), make().keepInternal()]);
  expect(second).toBe(first);
  await Promise.all([make().keepNamespace('shop', first), make().keepNamespace('shop', first)]);
  const kept = textsOf(await client.get(RESOURCES.secrets, { namespace: 'shop', name: NAMESPACE_CA_SECRET }));
  expect(kept['forwarder-ca.crt']).toBe(first);
  const leaf = await certificateOf(SECRETS.operatorTls);
  expect(isSignedBy(readCertificate(leaf), readCertificate(first))).toBe(true);
});

test('of two replicas one leads, both serve, and the other takes over', async () => {
  const [one, two] = [await start(new SetAheadClock(0)), await start(new SetAheadClock(0), 'operator-1')];
  const leaders = async () => {
    const pages = await Promise.all(operators.map((operator) => operator.metrics()));
    return pages.filter((page) => page.includes('echoplane_operator_leader 1')).length;
  };
  await until(
    async () => (await one.trouble()) === '' && (await two.trouble()) === '',
    () => 'not ready',
  );
  // Who is ready serves; who leads may be settled later.
  await until(
    async () => (await leaders()) === 1,
    () => 'nobody leads',
  );
  const leader = (await one.metrics()).includes('echoplane_operator_leader 1') ? one : two;
  operators.splice(operators.indexOf(leader), 1);
  await leader.stop();
  await until(
    async () => (await leaders()) === 1,
    () => 'nobody took over',
  );
});
