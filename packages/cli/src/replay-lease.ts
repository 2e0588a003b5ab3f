// The life of a replay that this process runs, as the control plane sees it: kept while we are here, cancelled at once when
// we are interrupted, ended there by itself when we are killed. It does not know what the replay does.
import { type ApiClient, ApiError } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';

/** Longer than a network is away, or a laptop between two places; shorter than anybody waits for a replay that is gone. */
export const LEASE_SECONDS = 120;
const BEAT_MS = 20_000;

export interface ReplayLease {
  /** Rejects when the replay ended in the control plane meanwhile; never resolves. */
  lost: Promise<never>;
  /** Ends the replay as cancelled, once, and waits until that is known. Never rejects. */
  cancel(): Promise<void>;
  /** No more is said of it. */
  end(): void;
}

/** Keeps the replay until `end`; cancels it when `signal` aborts. */
export function keepReplay(client: ApiClient, id: string, signal: AbortSignal): ReplayLease {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  const beat = async () => {
    await client.call('keepReplay', { params: { id }, body: {} }).catch((err) => {
      // Anything else passes, or the lease runs out there.
      if (err instanceof ApiError && err.code === 'conflict') lost.reject(endedThere(err));
    });
  };
  const timer = setInterval(() => void beat(), BEAT_MS);
  timer.unref();
  let cancelled: Promise<void> | null = null;
  const end = () => {
    clearInterval(timer);
    signal.removeEventListener('abort', cancel);
  };
  const cancel = (): Promise<void> => {
    end();
    cancelled ??= client.call('cancelReplay', { params: { id }, body: {} }).then(
      () => {},
      () => {},
    );
    return cancelled;
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) void cancel();
  return { lost: lost.promise, cancel, end };
}

function endedThere(cause: ApiError): OperatingError {
  const sentence = `The replay was ended while it ran. ${cause.problem?.detail ?? ''}`.trim();
  return new OperatingError('replay_ended', sentence, { cause });
}
