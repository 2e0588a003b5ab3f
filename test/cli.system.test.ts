// The laptop's front door as a user meets it: mistakes get one sentence, and a second start resumes the first.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CliStage, until } from './cli-stage.ts';
import { freePort } from './ports.ts';

let stage: CliStage;

beforeEach(() => {
  stage = new CliStage();
});

afterEach(() => stage.close());

describe('a mistake gets one sentence', () => {
  test('a busy port', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const run = stage.run(['up', '--home', join(stage.folder, 'home'), '--port', String(port)]);
    expect(await run.exit).toBe(1);
    expect(run.output()).toBe(
      `Port ${port} on 127.0.0.1 is in use, so the dashboard cannot start; stop what holds it or choose another port.\n`,
    );
    holder.close();
  });

  test('a folder that cannot be written', async () => {
    writeFileSync(join(stage.folder, 'file'), '');
    const run = stage.run(['up', '--home', join(stage.folder, 'file', 'home')]);
    expect(await run.exit).toBe(1);
    expect(run.output()).toMatch(
      /^The folder .*\/file\/home cannot be written \(ENOTDIR\); choose another one with --home or change its owner\.\n$/,
    );
  });

  test('an unreachable database, without its password', async () => {
    const run = stage.run(['up', '--home', join(stage.folder, 'home')], {
      DATABASE_URL: 'postgresql://me:hunter2@127.0.0.1:1/echoplane',
    });
    expect(await run.exit).toBe(1);
    const sentences = run
      .output()
      .split('\n')
      .filter((line) => !/^ *[\d.]+s /.test(line) && line !== '');
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toMatch(/127\.0\.0\.1:1/);
    expect(run.output()).not.toContain('hunter2');
  });

  test('a home whose traffic the control plane reads, started as one that it does not', async () => {
    const home = join(stage.folder, 'home');
    mkdirSync(join(home, 'store'), { recursive: true });
    writeFileSync(join(home, 'store', 'segment'), '');
    const run = stage.run(['up', '--private', '--home', home]);
    expect(await run.exit).toBe(1);
    expect(run.output()).toBe(
      `${home} was begun without --private and its traffic is kept so; start it that way again, or choose another --home.\n`,
    );
  });

  test('a database address that is none', async () => {
    const run = stage.run(['up', '--home', join(stage.folder, 'home')], { DATABASE_URL: 'localhost' });
    expect(await run.exit).toBe(64);
    expect(run.output()).toMatch(/^DATABASE_URL is not a PostgreSQL address such as .*\n$/);
  });

  test('traffic of a plane that was never started', async () => {
    const run = stage.run(['traffic', '--home', join(stage.folder, 'home')]);
    expect(await run.exit).toBe(1);
    expect(run.output()).toMatch(/^Nothing was started in .* yet: run "echoplane up"/);
  });

  test.each([
    [['traffic', '--status', 'abc'], /status such as 404/],
    [['traffic', '--limit', '0'], /whole number from 1/],
    [['up', '--port', '99999'], /whole number from 1 to 65535/],
    [['up', '--home', ''], /must name a folder/],
    [['traffic', '--status', '599-500'], /range must go upwards/],
    [['traffic', '--replay', 'nope'], /id of a replay/],
    [['fly'], /unknown command 'fly'/],
  ])('%j', async (args, words) => {
    const run = stage.run(args);
    expect(await run.exit).not.toBe(0);
    expect(run.output()).toMatch(words);
  });
});

describe('echoplane up', () => {
  test('resumes its home: same address, same password, and only one at a time', async () => {
    const home = join(stage.folder, 'home with spaces');
    const addresses: string[] = [];
    // One that nobody else is given between the rounds; the second round has to remember it.
    const port = ['--port', String(await freePort())];
    for (let round = 0; round < 2; round++) {
      const run = stage.run(['up', '--home', home, ...(round === 0 ? port : [])]);
      await until(() => run.output().includes('Ctrl-C ends everything'), 'it is up');
      addresses.push(/Dashboard .*\n.*Sign in .*/.exec(run.output())![0]);
      const second = stage.run(['up', '--home', home]);
      expect(await second.exit).toBe(1);
      expect(second.output()).toMatch(/is in use by process \d+; stop that one .* or choose another folder/);
      const listing = stage.run(['traffic', '--home', home]);
      expect(await listing.exit).toBe(0);
      expect(listing.output()).toContain('No RRPair yet');
      run.child.kill('SIGINT');
      expect(await run.exit).toBe(0);
      await until(() => stage.processes().length === 0, 'no process is left');
    }
    expect(addresses[1]).toBe(addresses[0]);
  });

  test('starts a killed program again, and says in one sentence when the database is gone', async () => {
    const home = join(stage.folder, 'home');
    const run = stage.run(['up', '--home', home]);
    await until(() => run.output().includes('Ctrl-C ends everything'), 'it is up');
    for (const [name, words] of [
      ['forwarder', /packages\/forwarder/],
      ['worker', /packages\/cloud\S+ worker/],
      ['cloud', /packages\/cloud\S+ serve/],
    ] as const) {
      process.kill(stage.find(words), 'SIGKILL');
      await until(
        () => run.output().includes(`${name} ended by itself and was started again`),
        `${name} is back`,
      );
    }
    const listing = stage.run(['traffic', '--home', home]);
    expect(await listing.exit).toBe(0);
    process.kill(stage.find(/^\S+bin\/postgres -D/), 'SIGKILL');
    expect(await run.exit).toBe(1);
    expect(run.output()).toMatch(/\nThe embedded PostgreSQL ended by itself; its log is .*\n$/);
  });
});

test('credentials that were lost are made anew, for a user who can sign in', async () => {
  const home = join(stage.folder, 'home');
  const passwords: string[] = [];
  for (let round = 0; round < 2; round++) {
    const run = stage.run(['up', '--home', home]);
    await until(() => run.output().includes('Ctrl-C ends everything'), 'it is up');
    const [, url] = /Dashboard +(\S+)/.exec(run.output())!;
    const [, email, password] = /Sign in +(\S+) +(\S+)/.exec(run.output())!;
    const headers = { 'content-type': 'application/json' };
    const signIn = await fetch(`${url}/v1/sign-in`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ email, password }),
    });
    expect(signIn.status).toBe(200);
    passwords.push(password!);
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(0);
    rmSync(join(home, 'credentials.json'));
  }
  expect(passwords[0]).not.toBe(passwords[1]);
});

describe('echoplane record', () => {
  test('records a service of the user, both ways, and leaves its answers as they are', async () => {
    const home = join(stage.folder, 'home');
    const up = stage.run(['up', '--home', home]);
    await until(() => up.output().includes('Ctrl-C ends everything'), 'it is up');
    const service = createHttpServer((request, response) => response.end(`you asked for ${request.url}`));
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as { port: number };
    const run = stage.run(['record', '--home', home, '--name', 'mine', '--target', String(port)]);
    await until(() => run.output().includes('Ctrl-C ends the recording'), 'it records');
    const entrance = /Send its requests to (\S+)/.exec(run.output())![1]!;
    const proxy = /HTTP_PROXY=(\S+)/.exec(run.output())![1]!;
    const curl = promisify(execFile);
    expect((await curl('curl', ['-sS', `${entrance}/in`])).stdout).toBe('you asked for /in');
    expect((await curl('curl', ['-sS', '-x', proxy, `http://127.0.0.1:${port}/out`])).stdout).toBe(
      'you asked for /out',
    );
    // More than a pipe holds: a listing that ends before it is read would lose rows.
    for (let i = 0; i < 200; i++) expect((await fetch(`${entrance}/many/${i}`)).status).toBe(200);
    const list = async (...options: string[]) => {
      const listing = stage.run(['traffic', '--home', home, '--json', '--limit', '1000', ...options]);
      expect(await listing.exit).toBe(0);
      const lines = listing
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'));
      return lines.map((line) => JSON.parse(line));
    };
    let rows = await list();
    for (let i = 0; i < 40 && rows.length < 202; i++) rows = await list();
    expect(rows.length).toBe(202);
    const [asked] = await list('--path', '/in');
    expect([asked.direction, asked.path, asked.service]).toEqual(['IN', '/in', 'laptop/default/mine']);
    expect((await list('--direction', 'OUT')).map((row) => row.path)).toEqual(['/out']);
    for (const ending of [run, up]) {
      ending.child.kill('SIGINT');
      expect(await ending.exit).toBe(0);
    }
    service.close();
  });
});
