// What the control plane answers when it has no such thing.
import { ApiError } from '@echoplane/api';

/** Null for what the control plane does not have. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (err) {
    if (err instanceof ApiError && err.status === 404) return null;
    throw err;
  }
}
