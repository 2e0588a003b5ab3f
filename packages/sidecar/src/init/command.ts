// `sidecar init` and `sidecar cleanup`. Init prepares a pod before its app starts and must never keep it from starting: what
// it cannot do it says, on stderr and as a log line, and exits 0 with none of its rules left.
import { readFile } from 'node:fs/promises';
import { ConfigError, createLogger, type Environment, type Logger, loadConfig } from '@echoplane/runtime';
import { type InitConfig, initConfig, trustConfig } from './config.ts';
import { relayedNameServers } from './name-servers.ts';
import { applyRules, RedirectionError, removeRules } from './redirection.ts';
import { plan } from './rules.ts';
import { removeTrustFiles, type TrustSettings, writeTrustFiles } from './trust-files.ts';

/** Writes trust files and rules as `env` says; resolves with the exit code, which is 0 whatever happens. */
export async function init(env: Environment): Promise<number> {
  let log = createLogger('sidecar-init');
  try {
    // First, and from its own fields alone: an app that is pointed at files which are not there trusts nobody.
    await trust(loadConfig(trustConfig, env), log);
    const config = loadConfig(initConfig, env);
    log = createLogger('sidecar-init', config.logLevel);
    await redirect(config, log);
  } catch (err) {
    await giveUp(err, log);
  }
  return 0;
}

/** Removes what `init` wrote; resolves with the exit code: 1 when some of it may still be there, 64 for bad settings. */
export async function cleanup(env: Environment): Promise<number> {
  const log = createLogger('sidecar-cleanup');
  try {
    const { trustFolder } = loadConfig(trustConfig, env);
    const { removed, problems } = await removeRules();
    say(log, problems, 'rules may be left');
    if (trustFolder !== undefined) await removeTrustFiles(trustFolder);
    if (problems.length > 0) return 1;
    log.info({ backends: removed }, 'cleaned up');
    return 0;
  } catch (err) {
    say(log, [(err as Error).message], 'the cleanup failed');
    return err instanceof ConfigError ? 64 : 1;
  }
}

type TrustConfig = Omit<TrustSettings, 'trustFolder'> & { trustFolder?: string | undefined };

async function trust(config: TrustConfig, log: Logger): Promise<void> {
  const { trustFolder } = config;
  if (trustFolder === undefined) return;
  try {
    const { certificates, hasCa, problems } = await writeTrustFiles({ ...config, trustFolder });
    say(log, problems, 'some roots are missing');
    log.info({ trustFolder, certificates, hasCa }, 'the trust files are written');
  } catch (err) {
    say(log, [`No trust files: ${(err as Error).message}.`], 'the trust files could not be written');
  }
}

async function redirect(config: InitConfig, log: Logger): Promise<void> {
  if (config.mode !== 'transparent') {
    log.info({ mode: config.mode }, 'this mode needs no rules');
    return;
  }
  const rules = plan({ ...config, nameServers: await nameServers(config, log) });
  const { backend, families, problems } = await applyRules(rules, config);
  if (config.ipv6 && !families.includes(6)) say(log, ['IPv6 is not redirected.'], 'only IPv4 is redirected');
  if (problems.length > 0) log.info({ problems }, 'what was tried and did not work');
  log.info({ backend, families }, 'connections are redirected');
}

async function nameServers(config: InitConfig, log: Logger): Promise<string[]> {
  if (config.hostResolution !== 'dns') return [];
  const resolvConf = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const servers = relayedNameServers(resolvConf, config.dnsServer);
  if (servers.length === 0)
    say(
      log,
      ['DNS is not redirected: /etc/resolv.conf names no server outside the pod.'],
      'DNS is not redirected',
    );
  return servers;
}

async function giveUp(err: unknown, log: Logger): Promise<void> {
  const problems = (err instanceof ConfigError ? err.problems : (err as Error).message.split('\n')).slice();
  if (!(err instanceof RedirectionError)) {
    const left = await removeRules().catch((failed: Error) => ({ problems: [failed.message] }));
    problems.push(...left.problems);
  }
  say(log, ['The pod starts without redirection.', ...problems], 'the pod starts without redirection');
}

function say(log: Logger, problems: readonly string[], message: string): void {
  if (problems.length === 0) return;
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  log.warn({ problems }, message);
}
