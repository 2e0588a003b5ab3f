// Leadership by a Lease: at most one of us works at a time. Clocks of different machines are never compared:
//
//   who leads    counts from before it sent its last renewal, and stops after two thirds of the lease;
//   who waits    counts from after it saw the Lease change, and takes it after the whole lease.
//
// So the first has stopped before the second begins, however the wall clocks stand. Every write is conditional on the version
// that was read. Time is the monotonic one, which nobody can set.
import { systemClock } from '@echoplane/runtime';
import type { Elect, ElectorOptions, KubeClient, Obj } from './contract.ts';
import { isConflict, isNotFound } from './kube-error.ts';
import { pathOf } from './objects.ts';
import { RESOURCES } from './resources.ts';

const LEASE_MS = 15_000;
/** Renewals within the lead's two thirds: several may fail. */
const RETRIES_PER_LEASE = 7.5;

interface Held {
  lease: Obj;
  /** Until when we may work, by `monotonicMs`. */
  untilMs: number;
}

const monotonicMs = () => performance.now();
const { sleep } = systemClock();

/** Leads whenever it can, until aborted; see the contract. */
export const elect: Elect = async (options, lead, signal) => {
  const candidate = new Candidate(options);
  while (!signal.aborted) {
    const held = await candidate.tryAcquire(signal);
    if (held) await candidate.hold(held, lead, signal);
    if (!signal.aborted) await sleep(candidate.retryMs * (0.8 + 0.4 * Math.random()), signal);
  }
};

class Candidate {
  readonly retryMs: number;
  readonly #options: ElectorOptions;
  readonly #client: KubeClient;
  readonly #leaseMs: number;
  /** The version of the Lease we last saw, and when we first saw it. */
  #seen: { version: string | undefined; atMs: number } | null = null;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.retryMs = options.retryMs ?? this.#leaseMs / RETRIES_PER_LEASE;
  }

  /** Takes the Lease when nobody holds it or its holder has been silent for all of it. */
  async tryAcquire(signal: AbortSignal): Promise<Held | null> {
    try {
      const lease = await this.#read(signal);
      if (lease && !this.#isFree(lease)) return null;
      if (signal.aborted) return null;
      return await this.#write(lease, this.#options.identity, signal);
    } catch (err) {
      if (!isConflict(err) && !signal.aborted) this.#options.log?.warn({ err }, 'the Lease cannot be taken');
      return null;
    }
  }

  /** Lets `lead` work while the Lease is ours; gives it back when the work has ended. */
  async hold(first: Held, lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, identity, name } = this.#options;
    const leading = new Leadership(first);
    const stop = () => leading.end();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    log?.info({ identity, lease: name }, 'leading');
    const work = Promise.resolve(leading.signal)
      .then(lead)
      .catch((err: unknown) => {
        if (!leading.signal.aborted) log?.error({ err }, 'what the leader does has failed');
      })
      .finally(() => leading.workEnded());
    // Renewed until the work has ended, also when it was told to: the next must not begin while it winds down.
    while (!leading.isOver) {
      await sleep(this.retryMs, leading.over);
      if (!leading.isOver) await this.#renew(leading);
    }
    leading.end();
    await work;
    signal.removeEventListener('abort', stop);
    log?.info({ identity, lease: name }, 'no longer leading');
    if (!leading.lost) await this.#release(leading.held.lease);
  }

  async #renew(leading: Leadership): Promise<void> {
    const { identity, log } = this.#options;
    const deadline = AbortSignal.timeout(Math.max(1, Math.floor(leading.held.untilMs - monotonicMs())));
    try {
      leading.renewed(await this.#write(leading.held.lease, identity, deadline));
    } catch (err) {
      log?.warn({ err }, 'the Lease was not renewed');
      if (isConflict(err) || isNotFound(err)) await this.#reread(leading, deadline);
    }
  }

  /** After a conflict: a renewal of ours whose answer was lost, or somebody else. */
  async #reread(leading: Leadership, signal: AbortSignal): Promise<void> {
    const lease = await this.#read(signal).catch(() => undefined);
    if (lease === undefined) return;
    if (lease?.spec?.holderIdentity === this.#options.identity) leading.held.lease = lease;
    else leading.lose();
  }

  async #release(lease: Obj): Promise<void> {
    await this.#write(lease, '', AbortSignal.timeout(this.#leaseMs)).catch((err: unknown) => {
      this.#options.log?.warn({ err }, 'the Lease was not released; the next leader waits for its end');
    });
  }

  async #read(signal: AbortSignal): Promise<Obj | null> {
    const { namespace, name } = this.#options;
    try {
      return await this.#client.call<Obj>('GET', pathOf(RESOURCES.leases, { namespace, name }), { signal });
    } catch (err) {
      if (isNotFound(err)) return null;
      throw err;
    }
  }

  #isFree(lease: Obj): boolean {
    const version = lease.metadata.resourceVersion;
    if (this.#seen?.version !== version) this.#seen = { version, atMs: monotonicMs() };
    const { atMs } = this.#seen!;
    const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
    if (!holderIdentity || holderIdentity === this.#options.identity) return true;
    const promisedMs = Math.max(this.#leaseMs, Number(leaseDurationSeconds ?? 0) * 1000);
    return monotonicMs() - atMs >= promisedMs;
  }

  /** Creates the Lease, or changes exactly the version given. */
  async #write(before: Obj | null, holder: string, signal: AbortSignal): Promise<Held> {
    const untilMs = monotonicMs() + (this.#leaseMs * 2) / 3;
    const next = this.#next(before, holder);
    const lease = before
      ? await this.#client.replace(RESOURCES.leases, next, { signal })
      : await this.#client.create(RESOURCES.leases, next, { signal });
    return { lease, untilMs };
  }

  #next(before: Obj | null, holder: string): Obj {
    const { namespace, name } = this.#options;
    // Kubernetes counts µs here; these times are for people, nobody decides by them.
    const now = new Date().toISOString().replace('Z', '000Z');
    const changes = before?.spec?.holderIdentity !== holder;
    return {
      ...(before ?? { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name } }),
      spec: {
        ...before?.spec,
        holderIdentity: holder,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
        renewTime: now,
        ...(changes && holder
          ? {
              acquireTime: now,
              leaseTransitions: Number(before?.spec?.leaseTransitions ?? 0) + (before ? 1 : 0),
            }
          : {}),
      },
    };
  }
}

/** One term: its signal aborts when it was told to end, or when the time of the last renewal is up. */
class Leadership {
  held: Held;
  lost = false;
  readonly #controller = new AbortController();
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(held: Held) {
    this.held = held;
    this.#arm();
    // A process that was frozen runs what was due before it gets to our timer: who looks at the signal then has to see that
    // the time is up.
    const { signal } = this.#controller;
    const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')!.get!;
    Object.defineProperties(signal, {
      aborted: {
        get: () => {
          if (!isAborted.call(signal) && monotonicMs() >= this.held.untilMs) this.lose();
          return isAborted.call(signal) as boolean;
        },
      },
      throwIfAborted: {
        value: () => {
          if (signal.aborted) throw signal.reason;
        },
      },
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  /** Aborts when there is nothing left to renew for. */
  get over(): AbortSignal {
    return this.#over.signal;
  }
  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  renewed(held: Held): void {
    // An answer that comes after the time is up brings nothing back.
    if (this.lost) return;
    this.held = held;
    this.#arm();
  }

  workEnded(): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }

  lose(): void {
    this.lost = true;
    this.#over.abort();
    this.end();
  }

  /** Tells the work to end. */
  end(): void {
    this.#controller.abort();
    if (this.lost) clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.lose(), Math.max(0, Math.floor(this.held.untilMs - monotonicMs())));
  }
}
