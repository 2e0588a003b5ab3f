// Running nft and iptables: one command with its input, to its end, with a deadline and a bound on what it may say.
import { execFile } from 'node:child_process';

const DEADLINE_MS = 10_000;
const MAX_OUTPUT_BYTES = 16 << 20;

/** A command that failed. `missing`: it is not installed. `unsupported`: the kernel has no such thing. */
export class ToolError extends Error {
  readonly missing: boolean;
  readonly unsupported: boolean;
  constructor(command: string, missing: boolean, said: string) {
    super(`${command}: ${said}`);
    this.missing = missing;
    this.unsupported = missing || /not supported|does not exist/i.test(said);
  }
}

/** What the command prints, given `input`. Throws ToolError when it cannot run, fails, or takes more than 10 s. */
export function runTool(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: DEADLINE_MS, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    const child = execFile(command, args, options, (err, stdout, stderr) => {
      if (err === null) return resolve(stdout);
      const missing = err.code === 'ENOENT';
      const said = err.killed ? 'no answer in time' : stderr.trim().split('\n').slice(0, 3).join(' ');
      reject(new ToolError(command, missing, missing ? 'not installed' : said || err.message));
    });
    // A command that ends without reading its input says why by its exit code.
    child.stdin!.on('error', () => {}).end(input);
  });
}
