// The page of clusters, and the pods in a report, in a real browser on a real control plane: what an editor asks reaches the
// inspector as a signed command, and its answer the page.
import { buildReport } from '@echoplane/analyzer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerTo, inputOf, makeTest } from '../packages/analyzer/src/report/report.fixture.ts';
import { clock } from '../packages/cloud/src/control-plane.fixture.ts';
import { ClustersPageStage, observedPods } from './clusters-page-stage.ts';

let stage: ClustersPageStage;
const section = (name: string) => stage.page.getByRole('region', { name: `Cluster ${name}` });
const row = (name: string) =>
  stage.page.getByRole('table', { name: 'Workloads' }).getByRole('row').filter({ hasText: name });
/** Whether something is wider than the screen. */
const overflows = () => stage.page.locator('html').evaluate((html) => html.scrollWidth > html.clientWidth);

beforeAll(async () => {
  stage = await ClustersPageStage.open();
  await stage.signIn('/clusters');
});
afterAll(() => stage?.close());

describe('the page of clusters', () => {
  test('shows what each data plane is behind with, and which rules it does not run yet', async () => {
    const staging = section('staging').getByRole('table', { name: 'Data planes of staging' });
    await staging.getByText('Not yet the current rules', { exact: false }).waitFor();
    const behind = await staging.getByRole('row').filter({ hasText: 'forwarder-0' }).textContent();
    expect(behind).toMatch(/Connected.*1,204 frames, 2 segments.*3.*redaction.*r-1.*Not yet.*r-2/);
    const fine = await section('production')
      .getByRole('row')
      .filter({ hasText: 'forwarder-0' })
      .textContent();
    expect(fine).toMatch(/nothing.*none.*r-2$/);
  });

  test('says how to record with kubectl where there is no inspector', async () => {
    const text = await section('production').textContent();
    expect(text).toContain('This cluster has no inspector');
    expect(text).toContain('kubectl annotate deployment');
    expect(await section('production').getByRole('button').allTextContents()).toEqual(['']);
  });

  test('lists workloads with the pods that miss their sidecar, and leaves those of the cluster alone', async () => {
    expect(await row('cart').textContent()).toMatch(/transparent.*2 of 3.*1 pod without the sidecar/);
    expect(await row('orders').textContent()).not.toContain('without');
    expect(await row('coredns').getByRole('button').count()).toBe(0);
    await stage.page.getByRole('textbox', { name: 'Find workloads by name' }).fill('statefulset');
    await row('cart').waitFor({ state: 'detached' });
    await row('catalogue').waitFor();
    await stage.page.getByRole('textbox', { name: 'Find workloads by name' }).fill('');
  });

  test('records a workload by keyboard, after saying that its pods are replaced', async () => {
    const button = stage.page.getByRole('button', { name: 'Record: Deployment shop/payments' });
    await button.focus();
    await stage.page.keyboard.press('Enter');
    const dialog = stage.page.getByRole('dialog', { name: 'Record Deployment shop/payments' });
    expect(await dialog.textContent()).toContain('2 pods are replaced');
    await stage.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await expect.poll(() => button.evaluate((one) => one.matches(':focus'))).toBe(true);
    expect(stage.inspector.asked.filter(({ kind }) => kind === 'inject')).toEqual([]);

    await stage.page.keyboard.press('Enter');
    await dialog.getByRole('combobox', { name: 'Mode' }).click();
    await stage.page.getByRole('option', { name: 'dual' }).click();
    await dialog.getByRole('switch', { name: 'Open outbound TLS' }).press('Space');
    await dialog.getByRole('button', { name: 'Record and replace pods' }).click();
    await stage.page.getByText('shop/payments is annotated; its pods are being replaced.').waitFor();
    expect(stage.inspector.asked.find(({ kind }) => kind === 'inject')).toEqual({
      ...{ kind: 'inject', workload: { namespace: 'shop', kind: 'Deployment', name: 'payments' } },
      settings: { mode: 'dual', 'tls-out': 'true' },
    });
    await row('payments').getByText('2 pods without the sidecar').waitFor();
    Object.assign(stage.inspector.workloads[2]!, { injectedPods: 2 });
    await stage.page.getByText('shop/payments is annotated.', { exact: false }).waitFor();
    await row('payments').getByText('2 of 2').waitFor();
  });

  test('says in the words of the cluster why it did not stop recording, and stops when it does', async () => {
    await stage.page.getByRole('button', { name: 'Stop recording: Deployment shop/orders' }).click();
    const dialog = stage.page.getByRole('dialog');
    const sentence = 'shop/orders is marked operator.echoplane.dev/ignore: hands off.';
    stage.inspector.refuse = sentence;
    await dialog.getByRole('button', { name: 'Stop recording and replace pods' }).click();
    await dialog.getByRole('alert').getByText(sentence).waitFor();
    stage.inspector.refuse = null;
    await dialog.getByRole('button', { name: 'Stop recording and replace pods' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await row('orders').getByText('2 pods still with the sidecar').waitFor();
  });

  test('diagnoses, worst first, each with what to do', async () => {
    await stage.page.getByRole('tab', { name: 'Diagnosis' }).click();
    await stage.page.getByRole('button', { name: 'Diagnose' }).click();
    const findings = await stage.page
      .getByRole('status', { name: 'Findings of the diagnosis' })
      .textContent();
    expect(findings).toMatch(
      /Problem.*no CA yet.*What to do:.*helm upgrade.*Warning.*3 segments.*1 check without/,
    );
  });

  test('reads the log of a container of ours', async () => {
    await stage.page.getByRole('tab', { name: 'Logs' }).click();
    await stage.page.getByRole('button', { name: 'Read log' }).click();
    await stage.page.getByRole('region', { name: 'Log' }).getByText('log of echoplane-forwarder-0').waitFor();
    // The workloads of a change may be asked for at any time.
    expect(stage.inspector.asked.findLast(({ kind }) => kind !== 'list-workloads')).toEqual({
      ...{ kind: 'logs', namespace: 'echoplane', pod: 'echoplane-forwarder-0', container: 'forwarder' },
      lines: 200,
    });
  });

  test('is as wide as a telephone', async () => {
    await stage.page.setViewportSize({ width: 390, height: 800 });
    await stage.page.getByRole('tab', { name: 'Workloads' }).click();
    await row('cart').waitFor();
    await expect.poll(overflows).toBe(false);
    await stage.page.setViewportSize({ width: 1280, height: 800 });
  });

  test('gives a viewer nothing to press, and asks nothing', async () => {
    // The page of before may still ask for the workloads of a change: it is left first, and what it asked is answered.
    await stage.page.goto('about:blank');
    await expect.poll(() => stage.unanswered()).toBe(0);
    await stage.becomes('viewer');
    const before = stage.inspector.asked.length;
    await stage.page.goto(`${stage.origin}/clusters`);
    await section('staging').getByText('As a viewer', { exact: false }).waitFor();
    expect(await section('staging').getByRole('button').count()).toBe(0);
    expect(stage.inspector.asked).toHaveLength(before);
    await stage.becomes('admin');
  });
});

describe('a report', () => {
  test('is as wide as a telephone, and no badge of a finding is cut', async () => {
    const path = '/organisations/orders-of-a-customer-with-a-long-name/{id}';
    const tests = [200, 500].map((status) => makeTest({ target: path, answer: { status } }));
    const answers = tests.map((test) => answerTo(test, { answer: { status: 'something else' } }));
    const replay = await stage.newReplay('on a telephone');
    await stage.ended(replay, buildReport(inputOf(tests, answers)));
    await stage.page.setViewportSize({ width: 390, height: 844 });
    await stage.page.goto(`${stage.origin}/reports/${replay}`);
    const findings = stage.page.getByRole('region', { name: 'Findings' });
    await findings.getByText('Answer differs').first().waitFor();
    const labels = findings.locator('.mantine-Badge-label');
    for (const label of await labels.all()) {
      const isCut = await label.evaluate((one) => one.scrollWidth > one.clientWidth);
      expect(isCut).toBe(false);
    }
    await expect.poll(overflows).toBe(false);
    await stage.page.setViewportSize({ width: 1280, height: 800 });
  });
});

describe('the pods in a report', () => {
  test('have charts with a table, troubles, Events and the newest lines of their logs', async () => {
    const replay = await stage.newReplay('with pods');
    await stage.observe(replay, observedPods(clock.nowUs() - 120_000_000));
    await stage.page.goto(`${stage.origin}/reports/${replay}`);
    const pods = stage.page.getByRole('region', { name: 'Pods' });
    await pods.getByText('shop/cart-7d9f4c5b6-abcde ran out of memory', { exact: false }).waitFor();
    await pods.getByText('shop/cart-7d9f4c5b6-abcde restarted a container 1 time.').waitFor();
    const use = await pods.getByRole('table', { name: 'CPU and memory by container' }).textContent();
    expect(use).toMatch(/cartshop\/cart-7d9f4c5b6-abcde240m212 MB/);
    await expect.poll(() => pods.locator('canvas').count()).toBe(2);
    const events = pods.getByRole('table', { name: 'Events' });
    expect(await events.getByRole('row').count()).toBe(4);
    expect(await events.getByRole('row').nth(1).textContent()).toMatch(/Normal.*Started.*2$/);
    const lines = pods.getByRole('region', { name: 'Log lines' });
    expect(await lines.locator('> div').count()).toBe(200);
    expect(await lines.textContent()).toContain('"request":249');
    await pods.getByRole('combobox', { name: 'Logs of container' }).click();
    await stage.page.getByRole('option', { name: /echoplane-sidecar/ }).click();
    await pods.getByText('50 lines').waitFor();
  });

  test('say what to do when no resource metrics could be had', async () => {
    const replay = await stage.newReplay('without metrics');
    const message = 'no resource metrics: the metrics API says "404 page not found". Install metrics-server.';
    await stage.observe(replay, [{ kind: 'note', ts: clock.nowUs(), code: 'no-resource-metrics', message }]);
    await stage.page.goto(`${stage.origin}/reports/${replay}`);
    await stage.page.getByRole('region', { name: 'Pods' }).getByText('Install metrics-server').waitFor();
  });

  test('are not there when nothing was observed', async () => {
    const replay = await stage.newReplay('elsewhere');
    const answers = ['log', 'event', 'metric', 'note'].map((kind) =>
      stage.page.waitForResponse((answer) => answer.url().includes(`${replay}/observations?kind=${kind}`)),
    );
    await stage.page.goto(`${stage.origin}/reports/${replay}`);
    for (const answer of await Promise.all(answers)) expect(answer.status()).toBe(200);
    await stage.page.getByText('The report appears here').waitFor();
    expect(await stage.page.getByRole('region', { name: 'Pods' }).count()).toBe(0);
  });
});

test('the pages had no error of their own on the way', () => {
  expect(stage.troubles).toEqual([]);
});
