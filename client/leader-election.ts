// One of several replicas works, the others wait: whoever holds a Lease and renews it in time
// (client-go tools/leaderelection). Clocks of different machines are never compared: only how long a record stood still.
import { isReason } from '../api/status.ts';
import type { Lease, LeaseSpec } from '../api/types/coordination.v1.ts';
import { type Clock, rfc3339Micro, systemClock } from '../host/clock.ts';
import { type Logger, silentLogger } from '../host/log.ts';
import type { Client, Named } from './client.ts';
import { leases } from './resources.ts';

export interface ElectionOptions {
  readonly client: Client;
  readonly lease: Required<Named>;
  /** Unique among the replicas. */
  readonly identity: string;
  /** ms a record must have stood still before others may take it. Default 15,000. */
  readonly leaseDurationMs?: number;
  /** ms without a successful renewal after which the leader steps down; less than leaseDurationMs. Default 10,000. */
  readonly renewDeadlineMs?: number;
  /** ms between attempts. Default 2,000. */
  readonly retryPeriodMs?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Leadership could not be renewed in time: someone else may lead already. */
export class LeadershipLostError extends Error {
  constructor(lease: Required<Named>) {
    super(`lost the lease ${lease.namespace}/${lease.name}`);
    this.name = 'LeadershipLostError';
  }
}

/**
 * Waits until this replica leads, then runs `lead` until it ends, `signal` aborts, or leadership is lost: then its signal
 * aborts, and when it has ended this rejects with LeadershipLostError. The lease is given up on the way out.
 */
export async function runAsLeader(
  options: ElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const election = new Election(options);
  if (!(await election.acquire(signal))) return;
  const term = new AbortController();
  const end = (): void => term.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const renewing = election.renew(term);
  try {
    await lead(term.signal);
  } finally {
    signal.removeEventListener('abort', end);
    if (!term.signal.aborted) term.abort(new Error('leading ended'));
    await renewing;
  }
  if (term.signal.reason instanceof LeadershipLostError) throw term.signal.reason;
  await election.release();
}

class Election {
  readonly #options: Required<ElectionOptions>;
  #seen: { version: string | undefined; at: number; lease: Lease } | undefined;

  constructor(options: ElectionOptions) {
    this.#options = {
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2_000,
      clock: systemClock,
      log: silentLogger,
      ...options,
    };
  }

  /** Resolves true when this replica leads, false when `signal` aborted first. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#try()) return true;
      await this.#pause(signal);
    }
    return false;
  }

  async renew(term: AbortController): Promise<void> {
    const { clock, renewDeadlineMs, lease } = this.#options;
    let renewedAt = clock.now();
    while (!term.signal.aborted) {
      await this.#pause(term.signal);
      if (term.signal.aborted) return;
      if (await this.#try()) renewedAt = clock.now();
      else if (clock.now() - renewedAt >= renewDeadlineMs) term.abort(new LeadershipLostError(lease));
    }
  }

  /** Lets the next one in at once. Best effort: without it the lease runs out by itself. */
  async release(): Promise<void> {
    const { client, log, identity } = this.#options;
    const lease = this.#seen?.lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    const spec: LeaseSpec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 };
    await client
      .update(leases, { ...lease, spec })
      .catch((error: Error) => log.warn({ error: error.message }, 'could not give the lease up'));
  }

  async #try(): Promise<boolean> {
    try {
      return await this.#takeOrRenew();
    } catch (error) {
      if (!isReason(error, 'Conflict') && !isReason(error, 'AlreadyExists')) {
        this.#options.log.warn({ error: (error as Error).message }, 'could not take or renew the lease');
      }
      return false;
    }
  }

  async #takeOrRenew(): Promise<boolean> {
    const { client, lease: at, identity, leaseDurationMs, clock } = this.#options;
    const found = await client.get(leases, at).catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    });
    const now = rfc3339Micro(clock.now());
    const wanted = { holderIdentity: identity, leaseDurationSeconds: leaseDurationMs / 1000, renewTime: now };
    if (!found) {
      this.#see(
        await client.create(leases, { metadata: at, spec: { ...wanted, acquireTime: now, leaseTransitions: 0 } }),
      );
      return true;
    }
    this.#see(found);
    const spec = found.spec ?? {};
    const mine = spec.holderIdentity === identity;
    if (!mine && spec.holderIdentity && clock.now() - this.#seen!.at < leaseDurationMs) return false;
    const taken = mine
      ? { ...spec, ...wanted }
      : { ...wanted, acquireTime: now, leaseTransitions: (spec.leaseTransitions ?? 0) + 1 };
    this.#see(await client.update(leases, { ...found, spec: taken }));
    return true;
  }

  /** A record counts as fresh for as long as this process has known this very version of it. */
  #see(lease: Lease): void {
    const version = lease.metadata.resourceVersion;
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#options.clock.now(), lease };
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, retryPeriodMs } = this.#options;
    await clock.sleep(retryPeriodMs * (0.9 + 0.2 * Math.random()), signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
