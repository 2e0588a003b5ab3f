// Work that may have to wait for a disk, written once for both cases: a generator yields what it waits for and goes on with
// what came of it. `run` waits; `runNow` is for a workspace in memory, where nothing ever waits. Pure.

/** Work that yields promises and is resumed with their values. */
export type Steps<T> = Generator<Promise<unknown>, T, never>;

/** Does the work, waiting where it waits. */
export async function run<T>(steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (err) {
      step = steps.throw(err);
      continue;
    }
    step = steps.next(value as never);
  }
  return step.value;
}

/** Does work that waits for nothing. */
export function runNow<T>(steps: Steps<T>): T {
  const step = steps.next();
  if (!step.done) throw new Error('This work has to wait: use run().');
  return step.value;
}

/** Waits for what may be there already: `yield* settled(reader.next())`. */
export function* settled<T>(value: T | Promise<T>): Steps<T> {
  return value instanceof Promise ? ((yield value) as T) : value;
}
