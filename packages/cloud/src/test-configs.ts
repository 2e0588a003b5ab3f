// Test configs by name, and the check that every one goes through before it is kept or a replay is opened with it.
import { checkTestConfig } from '@echoplane/analyzer';
import type { StoredTestConfig } from '@echoplane/api';
import type { TestConfig } from '@echoplane/traffic';
import { audit } from './audit.ts';
import type { Handlers, Services } from './handlers.ts';
import { notFound, ProblemError } from './problems.ts';
import { LIST_LIMIT } from './snapshots.ts';

const SELECT = 'SELECT name, config, updated_at_us FROM test_configs';
const ALL = `${SELECT} ORDER BY name LIMIT ${LIST_LIMIT}`;
const ONE = `${SELECT} WHERE name = $1`;
const PUT = `INSERT INTO test_configs (tenant_id, name, config, updated_at_us) VALUES ($1, $2, $3, $4)
  ON CONFLICT (tenant_id, name) DO UPDATE SET config = excluded.config, updated_at_us = excluded.updated_at_us
  RETURNING name, config, updated_at_us`;

interface TestConfigRow {
  name: string;
  config: TestConfig;
  updated_at_us: number;
}

type Names = 'testConfigs' | 'testConfig' | 'putTestConfig';

export function testConfigHandlers({ withTenant, clock }: Services): Pick<Handlers, Names> {
  return {
    async testConfigs({ principal }) {
      const found = await withTenant(principal.tenant.id, (db) => db.query<TestConfigRow>(ALL));
      return { items: found.rows.map(storedOf) };
    },
    testConfig: ({ params, principal }) =>
      withTenant(principal.tenant.id, async (db) => {
        const row = (await db.query<TestConfigRow>(ONE, [params.name])).rows[0];
        if (!row) throw notFound('test config');
        return storedOf(row);
      }),
    putTestConfig: ({ params: { name }, body, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        refuseProblems(body, []);
        const values = [principal.tenant.id, name, JSON.stringify(body), clock.nowUs()];
        const { rows } = await db.query<TestConfigRow>(PUT, values);
        await audit(db, source, {
          action: 'put-test-config',
          subject: principal.tenant.id,
          detail: { name },
        });
        return storedOf(rows[0]!);
      }),
  };
}

/** Refuses expressions, leaf patterns and goals of no use; `at`: where in the body it stands. */
export function refuseProblems(config: TestConfig, at: readonly string[]): void {
  const checked = checkTestConfig(config);
  if (!('problems' in checked)) return;
  const errors = checked.problems.map(({ path, message }) => ({
    path: ['body', ...at, path].filter((step) => step !== '').join('.'),
    message,
  }));
  throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', errors);
}

function storedOf({ updated_at_us: updatedAt, ...row }: TestConfigRow): StoredTestConfig {
  return { ...row, updatedAt };
}
