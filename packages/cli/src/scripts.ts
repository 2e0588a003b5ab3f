// Where the programs are that the CLI starts as processes.
import { fileURLToPath } from 'node:url';

export type ProgramName = 'cloud' | 'demo' | 'forwarder' | 'generator' | 'responder' | 'sidecar';

/** The entry script of a program. */
export function script(program: ProgramName): string {
  return fileURLToPath(new URL(`../../${program}/src/main.ts`, import.meta.url));
}

/** Where the code of all programs is, with their libraries. */
export function codeFolders(): string[] {
  return ['packages', 'node_modules', 'package.json'].map((name) =>
    fileURLToPath(new URL(`../../../${name}`, import.meta.url)),
  );
}
