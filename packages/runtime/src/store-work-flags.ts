// How Node is run where snapshots and reports are made: the forwarder's store worker, the control plane's worker, and the
// benchmark. It knows no program.

/**
 * An analysis passes gigabytes through and holds little. Told of a small bound, V8 collects whenever the heap has grown by a
 * third; as the bound holds anyway, it may double before. That is a fifth less of all work.
 */
export const ANALYSIS_FLAGS: readonly string[] = [
  '--max-semi-space-size=8',
  '--max-old-space-size=112',
  '--heap-growing-percent=100',
];

/** A report also holds what it says of failures. */
export const REPORT_FLAGS: readonly string[] = ['--max-semi-space-size=8', '--max-old-space-size=1024'];

/** One arena for all threads: with one each, glibc keeps what none of them uses, a tenth of the whole. */
export const STORE_WORK_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' };
