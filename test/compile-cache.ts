// What Node programs started by tests share during one run of the suites: the code that was compiled, types stripped, so
// that the hundredth start of a program costs half of the first. `test/run.ts` makes the folder and removes it.

/** Environment for such a program; empty where vitest was not started by `test/run.ts`. */
export const COMPILE_CACHE: Readonly<Record<string, string>> = process.env.NODE_COMPILE_CACHE
  ? { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }
  : {};
