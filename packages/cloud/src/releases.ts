// What each channel wishes installed: set by the platform, told to every agent as a signed word. Installations that follow
// no channel only say that there is something newer.
import type { DesiredRelease } from '@echoplane/api';
import { DesiredRelease as Release } from '@echoplane/api';
import { ConfigError, silentLogger } from '@echoplane/runtime';
import { z } from 'zod';
import type { TenantConfig } from './config.ts';
import { checkPool, type Db, openPool } from './db.ts';

const TIMEOUT_MS = 15_000;
const READ = 'SELECT channel, version, image, not_before_us FROM auth_releases()';

type ReleaseRow = Omit<DesiredRelease, 'notBefore'> & { not_before_us: number };

/** The release of each channel that has one. */
export async function readReleases(db: Db): Promise<DesiredRelease[]> {
  const { rows } = await db.query<ReleaseRow>(READ);
  return rows.map(({ not_before_us: notBefore, ...release }) => ({ ...release, notBefore }));
}

/** Sets the release of a channel from what was typed: channel, version, image, and from when on (RFC 3339; now without). */
export function releaseOf(words: readonly (string | undefined)[], nowUs: number): DesiredRelease {
  const [channel, version, image, from] = words;
  const notBefore = from === undefined ? nowUs : Date.parse(from) * 1000;
  const parsed = Release.safeParse({ channel, version, image, notBefore });
  if (!parsed.success) throw new ConfigError([z.prettifyError(parsed.error)]);
  return parsed.data;
}

/** Writes it, and rings every stream. */
export async function setRelease(
  { platformDatabaseUrl: url }: TenantConfig,
  { channel, version, image, notBefore }: DesiredRelease,
): Promise<void> {
  const options = { name: 'echoplane-release', max: 1, statementTimeoutMs: TIMEOUT_MS, log: silentLogger() };
  const pool = openPool(url, options);
  try {
    await checkPool(pool, url);
    await pool.query('SELECT platform_set_release($1, $2, $3, $4)', [channel, version, image, notBefore]);
  } finally {
    await pool.end();
  }
}
