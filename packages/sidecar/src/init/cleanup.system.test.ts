// What `sidecar init` leaves when it runs again, when it cannot finish, and after `sidecar cleanup`: compared byte for byte,
// counters included, in a real network namespace. Needs root.
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { atEnd, closeAll } from '../sidecar.fixture.ts';
import { OUTSIDE, type Pod, startPod } from './netns.fixture.ts';

afterEach(closeAll);

const BACKENDS = ['nft', 'iptables', 'iptables-legacy'];
const OURS = /echoplane/i;
const COUNTERS = /\[\d+:\d+\]/g;
const out = [
  { to: OUTSIDE[4], port: 80 },
  { to: OUTSIDE[6], port: 80 },
];

/** Rules of somebody else, of every kind, with counters that have counted. `-w`: all namespaces share the lock of the legacy kind. */
async function withForeignRules(pod: Pod): Promise<void> {
  const kinds = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'];
  const commands = [
    'nft add table inet other',
    'nft add chain inet other output { type filter hook output priority 0; policy accept; }',
    'nft add rule inet other output tcp dport 443 counter',
    ...kinds.map((tool) => `${tool} -w -t nat -A POSTROUTING -p tcp --dport 443 -j ACCEPT`),
    ...kinds.map((tool) => `${tool} -w -A OUTPUT -p tcp --dport 80 -j ACCEPT`),
    'iptables-legacy -w -t nat -A OUTPUT -p tcp --dport 444 -j REDIRECT --to-ports 443',
  ];
  for (const command of commands) await must(pod, command);
  expect(await pod.ask([...out, { to: OUTSIDE[4], port: 443 }])).toEqual(['outside', 'outside', 'outside']);
}

async function must(pod: Pod, command: string): Promise<void> {
  const { code, stderr } = await pod.run('sh', ['-c', command.replace(/[{};]/g, '\\$&')]);
  expect([command, code, stderr]).toEqual([command, 0, '']);
}

/** A folder with only these commands, as PATH. */
async function pathOf(names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'path-'));
  atEnd(() => rm(folder, { recursive: true }));
  for (const name of names) await symlink(`/usr/sbin/${name}`, join(folder, name));
  return folder;
}

describe.each(BACKENDS)('by %s', (backend) => {
  test('cleanup leaves the rules byte for byte as they were, others and their counters included', async () => {
    const pod = await startPod();
    await withForeignRules(pod);
    const before = await pod.ruleset();
    expect((await pod.sidecar('init', { BACKEND: backend })).code).toBe(0);
    expect(await pod.ruleset()).toMatch(OURS);
    const { code, stdout } = await pod.sidecar('cleanup');
    expect(code).toBe(0);
    expect(stdout).toContain(`"backends":["${backend}"]`);
    expect(await pod.ruleset()).toBe(before);
    expect(await pod.ask(out)).toEqual(['outside', 'outside']);
  });

  test('init twice is init once, also when half of it is missing in between', async () => {
    const pod = await startPod();
    expect((await pod.sidecar('init', { BACKEND: backend })).code).toBe(0);
    const once = await pod.ruleset();
    expect((await pod.sidecar('init', { BACKEND: backend })).code).toBe(0);
    expect(await pod.ruleset()).toBe(once);
    for (const command of {
      nft: ['nft delete table ip6 echoplane', 'nft flush chain ip echoplane inbound'],
      iptables: ['iptables-nft -t nat -F ECHOPLANE_INBOUND', 'ip6tables-nft -t nat -F OUTPUT'],
      'iptables-legacy': [
        'iptables-legacy -w -t nat -F PREROUTING',
        'iptables-legacy -w -t nat -A OUTPUT -j ECHOPLANE_OUTBOUND',
      ],
    }[backend]!)
      await must(pod, command);
    expect(await pod.ruleset()).not.toBe(once);
    expect((await pod.sidecar('init', { BACKEND: backend })).code).toBe(0);
    expect((await pod.ruleset()).split('\n').toSorted()).toEqual(once.split('\n').toSorted());
  });
});

test('a namespace that had no rules has none after cleanup, not even empty tables', async () => {
  for (const backend of ['nft', 'iptables']) {
    const pod = await startPod();
    expect((await pod.sidecar('init', { BACKEND: backend })).code).toBe(0);
    expect(await pod.ruleset()).toMatch(OURS);
    expect((await pod.sidecar('cleanup')).code).toBe(0);
    expect(await pod.ruleset()).toBe('');
    expect((await pod.run('cat', ['/proc/net/ip_tables_names'])).stdout).toBe('');
  }
});

test('what another backend wrote before is replaced, and cleanup of nothing is fine', async () => {
  const pod = await startPod();
  for (const tool of ['iptables-legacy', 'ip6tables-legacy']) await must(pod, `${tool} -w -t nat -L`);
  const before = await pod.ruleset();
  for (const backend of [...BACKENDS, 'nft']) {
    expect((await pod.sidecar('init', { BACKEND: backend })).code).toBe(0);
    expect(await pod.ask(out)).toEqual(['outbound', 'outbound']);
  }
  const after = await pod.ruleset();
  expect(after.match(/ECHOPLANE_/)).toBeNull();
  expect(after).toContain('table ip6 echoplane');
  for (const _ of [1, 2]) expect((await pod.sidecar('cleanup')).code).toBe(0);
  expect((await pod.ruleset()).replace(COUNTERS, '')).toBe(before.replace(COUNTERS, ''));
});

test('the first backend that works is taken: nft, then iptables, then its legacy', async () => {
  const pod = await startPod();
  const nftTools = [
    'iptables-nft-save',
    'iptables-nft-restore',
    'ip6tables-nft-save',
    'ip6tables-nft-restore',
  ];
  const legacyTools = nftTools.map((name) => name.replace('nft', 'legacy'));
  for (const [backend, tools] of [
    ['nft', ['nft', ...nftTools, ...legacyTools]],
    ['iptables', [...nftTools, ...legacyTools]],
    ['iptables-legacy', legacyTools],
  ] as const) {
    const { stdout, code } = await pod.sidecar('init', { PATH: await pathOf(tools) });
    expect(code).toBe(0);
    expect(stdout).toContain(`"backend":"${backend}"`);
    expect((await pod.sidecar('cleanup')).code).toBe(0);
  }
});

test('without IPv6 tools IPv4 is redirected, and it is said', async () => {
  const pod = await startPod();
  const path = await pathOf(['iptables-nft-save', 'iptables-nft-restore']);
  const { stderr, code } = await pod.sidecar('init', { PATH: path });
  expect([code, stderr]).toEqual([0, 'IPv6 is not redirected.\n']);
  expect(await pod.ask(out)).toEqual(['outbound', 'outside']);
});

describe('a pod that cannot be prepared starts unredirected, exit 0, with the reason', () => {
  const unredirected = async (pod: Pod, before: string) => {
    expect(await pod.ruleset()).toBe(before);
    expect(await pod.ask(out)).toEqual(['outside', 'outside']);
  };

  test('without any tool', async () => {
    const pod = await startPod();
    const before = await pod.ruleset();
    const { code, stderr, stdout } = await pod.sidecar('init', { PATH: await pathOf([]) });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^The pod starts without redirection\.\nnft: not installed\n/);
    expect(stdout).toContain('"msg":"the pod starts without redirection"');
    await unredirected(pod, before);
  });

  test('without the capability; cleanup then says that rules may be left', async () => {
    const pod = await startPod();
    const before = await pod.ruleset();
    const drop = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
    const main = new URL('../main.ts', import.meta.url).pathname;
    const init = await pod.run('setpriv', [...drop, process.execPath, main, 'init']);
    expect(init.code).toBe(0);
    expect(init.stderr).toMatch(/The pod starts without redirection\.\nnft: .*not permitted/);
    await unredirected(pod, before);
    const refused = await pod.run('setpriv', [...drop, process.execPath, main, 'cleanup']);
    expect(refused.code).toBe(1);
    expect(refused.stdout).not.toContain('cleaned up');
  });

  test('when a tool fails half way, as far as it came is undone', async () => {
    const pod = await startPod();
    const before = await pod.ruleset();
    const folder = await pathOf([
      'iptables-nft-save',
      'iptables-nft-restore',
      'iptables-nft',
      'ip6tables-nft-save',
      'nft',
    ]);
    // IPv4 succeeds, IPv6 fails, and then IPv4 alone fails too.
    await rm(join(folder, 'iptables-nft-restore'));
    await writeFile(
      join(folder, 'iptables-nft-restore'),
      `#!/bin/sh\nrules=$(/bin/cat)\ncase "$rules" in *"-X ECHO"*) ;; *) [ -e ${folder}/once ] && exit 3; /bin/touch ${folder}/once;; esac\necho "$rules" | /usr/sbin/iptables-nft-restore "$@"\n`,
    );
    await chmod(join(folder, 'iptables-nft-restore'), 0o755);
    const { code, stderr } = await pod.sidecar('init', { PATH: folder, BACKEND: 'iptables' });
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /without redirection\.\nip6tables-nft-restore: not installed\niptables-nft-restore: /,
    );
    await unredirected(pod, before);
  });

  test('with a bad setting, which takes away rules that were there; the trust files are written all the same', async () => {
    const pod = await startPod();
    const before = await pod.ruleset();
    const folder = join(await pathOf([]), 'trust');
    await mkdir(folder);
    expect((await pod.sidecar('init')).code).toBe(0);
    const bad = { IN_PORT: 'x', IGNORE_DST_CIDRS: '10.0.0.0/33', TRUST_FOLDER: folder };
    const { code, stderr } = await pod.sidecar('init', bad);
    expect(code).toBe(0);
    expect(stderr).toMatch(/ECHOPLANE_IN_PORT is not valid/);
    expect(stderr).toMatch(/ECHOPLANE_IGNORE_DST_CIDRS is not valid \(not an IP address or CIDR\)/);
    await unredirected(pod, before);
    expect((await pod.run('ls', [folder])).stdout).toBe('ca-bundle.pem\ntruststore.jks\n');
  });
});
