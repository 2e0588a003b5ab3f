// The life of the demo's processes: how they end, and what they say when they cannot start.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Env, Stage } from './integration-stage.ts';

// Generous, for a busy machine: each test starts several processes.
vi.setConfig({ testTimeout: 120_000 });

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage.close(), 60_000);

const shopEnv = (databaseUrl: string): Env => ({
  DATABASE_URL: databaseUrl,
  PAYMENTS_URL: 'https://127.0.0.1:1',
  RATES_URL: 'http://127.0.0.1:1',
  PAYMENTS_API_KEY: 'key-of-the-shop',
  JWT_SECRET: 'a secret of thirty-two characters',
});

describe('every program', () => {
  it('exits 0 on SIGTERM and SIGINT, with a kept-alive connection open', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const { port, child, ended } = await stage.serve(
        'shop',
        shopEnv(await stage.createDatabase(`end-${signal}`)),
      );
      expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).toEqual({ status: 'ok' });
      child.kill(signal);
      expect((await ended).code).toBe(0);
    }
  });

  it('exits 64 with every problem of its environment', async () => {
    const { code, stderr } = await stage.start('payments', { PORT: 'http' }).ended;
    expect(code).toBe(64);
    expect(stderr.match(/^payments: (PORT|TLS_CERT_FILE|TLS_KEY_FILE|API_KEY) is .*\.$/gm)).toHaveLength(4);
    expect((await stage.start('toString', {}).ended).code).toBe(64);
  });

  it('says in one sentence that its port or its database cannot be had', async () => {
    const { port } = await stage.serve('rates', {});
    const PORT = String(port);
    expect(await stage.start('rates', { PORT }).ended).toMatchObject({
      code: 1,
      stderr: `rates: Port ${PORT} on 127.0.0.1 cannot be listened on: it is in use; free it or set PORT=0.\n`,
    });
    const { code, stderr } = await stage.start('shop', shopEnv('postgres://owner@127.0.0.1:1/shop')).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^shop: The database 127\.0\.0\.1:1\/shop of DATABASE_URL cannot be used: .+\.\n$/,
    );
  });
});
