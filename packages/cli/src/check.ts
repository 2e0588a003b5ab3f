// `echoplane check`: looks an installation in a cluster over and says of each thing what is and what to do. Its exit code is
// 0 unless there is a problem; warnings alone do not fail.
import type { Finding } from '@echoplane/api';
import { runChecks } from '@echoplane/diagnosis';
import { createKubeClient, kubeconfigAccess } from '@echoplane/kube';
import { systemClock } from '@echoplane/runtime';
import colors from 'picocolors';

export interface CheckOptions {
  /** Undefined: `KUBECONFIG`, else `~/.kube/config`. */
  kubeconfig?: string | undefined;
  context?: string | undefined;
  /** Namespace of the installation. */
  namespace: string;
  json: boolean;
}

const MARKS: Record<Finding['state'], string> = {
  ok: colors.green('✓'),
  warning: colors.yellow('!'),
  problem: colors.red('✗'),
  unknown: colors.dim('?'),
};

/** Prints every finding and gives the exit code. */
export async function runCheck(
  { kubeconfig, context, namespace, json }: CheckOptions,
  print: (line: string) => void,
): Promise<number> {
  const client = createKubeClient(await kubeconfigAccess(kubeconfig, context));
  try {
    const clock = systemClock();
    const nowMs = () => clock.nowUs() / 1_000;
    const findings = await runChecks({ client, namespace, nowMs });
    if (json) for (const finding of findings) print(JSON.stringify(finding));
    else printFindings(findings, print);
    return findings.some(({ state }) => state === 'problem') ? 1 : 0;
  } finally {
    client.close();
  }
}

function printFindings(findings: readonly Finding[], print: (line: string) => void): void {
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const { check, state, message, remedy } of findings) {
    print(`${MARKS[state]} ${check.padEnd(width)}  ${message}`);
    if (remedy !== null) print(`  ${' '.repeat(width)}  → ${remedy}`);
  }
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  print('');
  print(`${count('problem')} problems, ${count('warning')} warnings, ${count('unknown')} not looked at`);
}
