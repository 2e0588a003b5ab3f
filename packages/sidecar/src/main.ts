// The sidecar's process: configuration ─▶ listeners ─▶ ready ─▶ SIGTERM ─▶ drain ─▶ exit 0. `init` and `cleanup` are its short
// commands for the pod around it; each loads only what it needs, so that a fault in the proxy cannot keep a pod waiting.
const USAGE = `usage: sidecar            run the proxy
       sidecar init       write redirection rules and trust files
       sidecar cleanup    remove them
       sidecar hold       wait for the responder of a replay, at most HOLD_SECONDS
Settings are environment variables, ECHOPLANE_…: docs/sidecar.md and docs/redirection.md.\n`;

const [command, ...rest] = process.argv.slice(2);
if (command === undefined) {
  await runProxy();
} else if (rest.length === 0 && (command === 'init' || command === 'cleanup')) {
  const commands = await import('./init/command.ts');
  process.exitCode = await commands[command](process.env);
} else if (rest.length === 0 && command === 'hold') {
  const { hold } = await import('./hold.ts');
  process.exitCode = await hold(process.env);
} else {
  process.stderr.write(USAGE);
  process.exitCode = 64;
}

async function runProxy(): Promise<never> {
  const { aborted, announceReady, runMain } = await import('@echoplane/runtime');
  const { startSidecar } = await import('./app.ts');
  const { sidecarConfig } = await import('./config.ts');
  return runMain('sidecar', sidecarConfig, process.env, async (config, log, { signal, stopper }) => {
    stopper.deadlineMs = config.drainDeadline * 1000 + 10_000;
    const sidecar = await startSidecar(config, log);
    stopper.add('sidecar', () => sidecar.stop());
    const { in: inPort, out: outPort, admin: adminPort, diagnostics: diagnosticsPort } = sidecar.ports;
    announceReady(log, { mode: config.mode, inPort, outPort, adminPort, diagnosticsPort });
    await aborted(signal);
  });
}
