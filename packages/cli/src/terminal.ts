// What a person sees: one line a step with its time, tables, and the last words. Plain text when not a terminal.
import colors from 'picocolors';

export interface Terminal {
  /** Runs a step and prints its outcome as one line; `note` changes the line while it runs. */
  step<T>(
    name: string,
    run: (note: (text: string) => void) => Promise<T>,
    outcome?: (result: T) => string,
  ): Promise<T>;
  line(text?: string): void;
}

export function createTerminal(out: NodeJS.WriteStream): Terminal {
  const live = out.isTTY === true;
  const started = Date.now();
  const clock = () => colors.dim(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)}s`);
  const write = (text: string, done: boolean) => {
    if (live) out.write(`\r\u001b[2K${text}${done ? '\n' : ''}`);
    else if (done) out.write(`${text}\n`);
  };
  return {
    async step(name, run, outcome) {
      write(`${clock()} ${colors.cyan('…')} ${name}`, false);
      try {
        const result = await run((text) => write(`${clock()} ${colors.cyan('…')} ${name}: ${text}`, false));
        const words = outcome?.(result);
        write(`${clock()} ${colors.green('✓')} ${name}${words ? `: ${words}` : ''}`, true);
        return result;
      } catch (err) {
        write(`${clock()} ${colors.red('✗')} ${name}`, true);
        throw err;
      }
    },
    line: (text = '') => void out.write(`${text}\n`),
  };
}

/** Rows as aligned columns; the first row is the head. Columns of numbers are aligned right. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const right = widths.map((_, i) =>
    rows.slice(1).every((row) => /^([\d.,]*( ?(ms|µs|s|%|B|KiB|MiB))?|–)$/.test(row[i] ?? '')),
  );
  const print = (row: string[]) =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [colors.bold(print(rows[0]!)), ...rows.slice(1).map(print)].map((line) => `  ${line}`).join('\n');
}

/** µs for people: `840 µs`, `12.3 ms`, `1.20 s`. */
export function duration(us: number | null): string {
  if (us === null) return '–';
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(1)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}
