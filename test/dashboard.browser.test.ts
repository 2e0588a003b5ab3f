// The three pages in a real browser, on what the demo really recorded: a person signs in, looks at traffic down to a
// body, and reads why the second build is refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliStage, type Running, until } from './cli-stage.ts';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Ends what hangs; it is no judgement of how fast the machine is. */
const PATIENCE_MS = 120_000;

let stage: CliStage;
let demo: Running;
let browser: Browser;
let page: Page;
let url: string;
const troubles: string[] = [];

beforeAll(async () => {
  stage = new CliStage();
  demo = stage.run(['demo', '--home', join(stage.folder, 'home')]);
  await until(
    () => demo.output().includes('replay v2: ') || demo.child.exitCode !== null,
    'the demo is done',
    840_000,
  );
  url = /Dashboard +(\S+)/.exec(demo.output())![1]!;
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS, timeout: PATIENCE_MS });
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => troubles.push(error.message));
  // Being signed out is found out by asking, and the browser logs the answer.
  page.on(
    'console',
    (line) => line.type() === 'error' && !line.text().includes('401') && troubles.push(line.text()),
  );
}, 900_000);

afterAll(async () => {
  await browser?.close();
  demo?.child.kill('SIGINT');
  await demo?.exit;
  await stage?.close();
});

function credentials(): { userEmail: string; userPassword: string } {
  return JSON.parse(readFileSync(join(stage.folder, 'home', 'credentials.json'), 'utf8'));
}

async function signIn(password: string): Promise<void> {
  await page.getByRole('textbox', { name: 'E-mail' }).fill(credentials().userEmail);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

describe('the dashboard', () => {
  test('asks a stranger to sign in, says when the password is wrong, and goes on to where one wanted to go', async () => {
    await page.goto(`${url}/reports`);
    await signIn('wrong');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/wrong/i);
    await signIn(credentials().userPassword);
    await page.getByRole('table', { name: 'Replays' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/reports');
  });

  test('shows traffic both ways, and an outbound request down to its body', async () => {
    await page.getByRole('link', { name: 'Traffic', exact: true }).click();
    const rows = page.getByRole('table', { name: 'RRPairs' });
    await rows.getByRole('link').first().waitFor();
    await page.goto(`${url}/traffic?direction=OUT&method=POST&path=%2Fv1%2Fcharges`);
    await rows
      .getByRole('link', { name: /POST .*payments\.localhost:\d+\/v1\/charges 201/ })
      .first()
      .click();
    const drawer = page.getByRole('dialog', { name: /RRPair/ });
    await drawer.getByRole('group', { name: 'Request body' }).waitFor();
    expect(await drawer.getByRole('table', { name: 'Request headers' }).textContent()).toMatch(
      /idempotency-key/i,
    );
    expect(await drawer.getByRole('group', { name: 'Request body' }).textContent()).toMatch(/"amount": ?\d+/);
    expect(await drawer.getByRole('group', { name: 'Response body' }).textContent()).toContain('succeeded');
    expect(await drawer.getByRole('region', { name: 'Connection' }).textContent()).toContain(
      'payments.localhost',
    );
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
  });

  test('counts in the graph what the books count, and says that they balance', async () => {
    await page.goto(`${url}/traffic?range=all`);
    await page.getByText('Balanced', { exact: false }).first().waitFor();
    // The graph has an answer of its own, before or after the books.
    const legend = () => page.getByRole('group', { name: 'Traffic over time' }).locator('..').textContent();
    await expect.poll(legend).toMatch(/Inbound\s*870/);
    expect(await legend()).toMatch(/Outbound\s*333/);
  });

  test('gives the verdict first, and the three faults with their differences', async () => {
    await page.goto(`${url}/reports`);
    await page
      .getByRole('table', { name: 'Replays' })
      .getByRole('link', { name: /replay v2/ })
      .click();
    await page.getByRole('heading', { name: 'Verdict: Missed goals' }).waitFor();
    const reasons = await page.getByRole('list', { name: 'Reasons' }).getByRole('listitem').allTextContents();
    expect(reasons.map((reason) => /GET \/(cart|orders\/\{id\}|me)/.exec(reason)?.[1]).sort()).toEqual([
      'cart',
      'me',
      'orders/{id}',
    ]);
    const difference = await page.getByRole('table', { name: 'Differences' }).first().textContent();
    expect(difference).toMatch(/body\.(number|total)/);
    await page.getByRole('link', { name: 'Live answer' }).first().click();
    await page
      .getByRole('dialog', { name: /RRPair/ })
      .getByRole('group', { name: 'Response body' })
      .waitFor();
  });

  test('passes the same build', async () => {
    await page.goto(`${url}/reports`);
    await page
      .getByRole('table', { name: 'Replays' })
      .getByRole('link', { name: /replay v1, dependencies stopped/ })
      .click();
    await page.getByRole('heading', { name: 'Verdict: Passed' }).waitFor();
  });

  test('signs out for good', async () => {
    await page.getByRole('button', { name: 'User menu' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('textbox', { name: 'E-mail' }).waitFor();
    await page.goto(`${url}/traffic`);
    await page.getByRole('textbox', { name: 'E-mail' }).waitFor();
  });

  test('had no error of its own on the way', () => {
    expect(troubles).toEqual([]);
  });
});
