// The loop between what changed and the kernel: syncs at once when idle, gathers what comes while a sync runs into the next
// one, repairs everything after a failure, after a foreign change, and now and then.
import { type Clock, systemClock } from '../host/clock.ts';
import type { Conntrack } from '../host/conntrack.ts';
import type { Logger } from '../host/log.ts';
import type { Backend } from './backend.ts';
import type { EndpointSliceTracker } from './changes/endpoint-slices.ts';
import type { ServiceTracker } from './changes/services.ts';
import { forgetStaleFlows } from './conntrack.ts';
import type { PlanMaker, PlanStep } from './make-plan.ts';
import type { ProxyMetrics } from './metrics.ts';
import type { IPFamily, NodeFacts } from './plan.ts';

export interface FamilyProxy {
  readonly family: IPFamily;
  readonly maker: PlanMaker;
  readonly backend: Backend;
  /** Absent: conntrack entries are left alone. */
  readonly conntrack?: Conntrack;
}

/** One change on its way: when it was seen, decided and applied, ms since the epoch. */
export interface SyncReport {
  readonly family: IPFamily;
  readonly how: 'full' | 'partial';
  readonly servicePorts: ReadonlySet<string>;
  /** The newest resourceVersion that this sync brought into the kernel; '' when none was seen. */
  readonly resourceVersion: string;
  readonly seenAt: number;
  readonly decidedAt: number;
  readonly appliedAt: number;
}

export interface SyncOptions {
  readonly families: readonly FamilyProxy[];
  readonly services: ServiceTracker;
  readonly slices: EndpointSliceTracker;
  readonly facts: (family: IPFamily) => NodeFacts;
  readonly metrics: ProxyMetrics;
  readonly log: Logger;
  /** ms between full syncs that look for drift. */
  readonly syncPeriodMs: number;
  readonly clock?: Clock;
  readonly observe?: (report: SyncReport) => void;
}

interface FamilyState {
  /** Everything has to be repaired: at start, after a failure, when someone else changed our rules. */
  isSuspect: boolean;
  /** ms since the epoch; 0: never. */
  syncedAt: number;
  /** Since when a change waits to be applied; 0: none does. */
  waitingSince: number;
}

const RETRY_MS = { first: 100, most: 10_000 };

export class SyncLoop {
  readonly #options: SyncOptions;
  readonly #clock: Clock;
  readonly #states = new Map<IPFamily, FamilyState>();
  #wake: (() => void) | undefined;
  #isRung = false;
  /** How long the last full sync took. */
  #fullSyncMs = 0;
  #seen = { resourceVersion: '', at: 0 };
  /** Times at which endpoints changed, as their slices tell: family-blind, ms since the epoch. */
  #triggers: number[] = [];

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    for (const { family } of options.families) {
      this.#states.set(family, { isSuspect: true, syncedAt: 0, waitingSince: this.#clock.now() });
    }
  }

  /** Something in the trackers or the node changed. `triggeredAt`: when the endpoint itself changed, if known. */
  changed(resourceVersion = '', triggeredAt?: number): void {
    const now = this.#clock.now();
    this.#seen = { resourceVersion: resourceVersion || this.#seen.resourceVersion, at: this.#seen.at || now };
    if (triggeredAt !== undefined) this.#triggers.push(triggeredAt);
    for (const [family, state] of this.#states) {
      state.waitingSince ||= now;
      this.#options.metrics.queued(family, now);
    }
    this.#ring();
  }

  /** When each family was last synced, and since when it waits, ms since the epoch (0: never, not). */
  get health(): ReadonlyMap<IPFamily, Readonly<FamilyState>> {
    return this.#states;
  }

  /** Runs until `signal` aborts. The first sync follows at once. */
  async run(signal: AbortSignal): Promise<void> {
    const guards = this.#options.families.map(({ family, backend }) =>
      backend.guard(() => this.#suspect(family, 'rules were changed by someone else'), signal),
    );
    this.#ring();
    await Promise.all([...guards, this.#loop(signal)]);
  }

  async #loop(signal: AbortSignal): Promise<void> {
    let retryMs = RETRY_MS.first;
    while (!signal.aborted) {
      const reason = await this.#rung(signal);
      if (signal.aborted) return;
      if (reason === 'period') for (const { family } of this.#options.families) this.#suspect(family);
      if (await this.#syncAll()) {
        retryMs = RETRY_MS.first;
        continue;
      }
      await this.#clock.sleep(retryMs, signal).catch(() => undefined); // aborted: the loop's condition ends it
      retryMs = Math.min(retryMs * 2, RETRY_MS.most);
      this.#ring();
    }
  }

  #suspect(family: IPFamily, why?: string): void {
    const state = this.#states.get(family)!;
    // One flush is told in many pieces: the first is enough until the repair begins.
    if (why && !state.isSuspect) this.#options.log.warn({ family }, why);
    state.isSuspect = true;
    if (why) this.#ring();
  }

  /** Looking for drift takes a twentieth of the time at most: listing a very large table costs seconds. */
  get #periodMs(): number {
    return Math.max(this.#options.syncPeriodMs, 20 * this.#fullSyncMs);
  }

  #ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when rung, now or meanwhile, or after the sync period, or when `signal` aborts. */
  async #rung(signal: AbortSignal): Promise<'change' | 'period'> {
    if (!this.#isRung) {
      const waiting = new AbortController();
      const stop = (): void => waiting.abort();
      this.#wake = stop;
      signal.addEventListener('abort', stop, { once: true });
      await this.#clock.sleep(this.#periodMs, waiting.signal).catch(() => undefined);
      signal.removeEventListener('abort', stop);
      this.#wake = undefined;
    }
    const reason = this.#isRung ? 'change' : 'period';
    this.#isRung = false;
    return reason;
  }

  /** Returns whether every family's kernel state is as planned. */
  async #syncAll(): Promise<boolean> {
    const { services, slices, families } = this.#options;
    const seen = this.#seen;
    const triggers = this.#triggers;
    this.#seen = { resourceVersion: seen.resourceVersion, at: 0 };
    this.#triggers = [];
    const sliceKeys = slices.take();
    const keys = [...services.take(), ...sliceKeys];
    // Plans of all families first: their makers share the trackers, whose changes were just taken.
    const steps = families.map((proxy) => ({
      proxy,
      step: proxy.maker.update(this.#options.facts(proxy.family), keys),
    }));
    const decidedAt = this.#clock.now();
    let isGood = true;
    for (const { proxy, step } of steps) {
      const how = this.#states.get(proxy.family)!.isSuspect ? 'full' : 'partial';
      if (!(await this.#syncFamily(proxy, step, how))) {
        isGood = false;
        continue;
      }
      const appliedAt = this.#clock.now();
      for (const at of triggers) this.#options.metrics.programmed(proxy.family, (appliedAt - at) / 1000);
      const { resourceVersion } = seen;
      const seenAt = seen.at || decidedAt;
      const report = {
        family: proxy.family,
        how,
        servicePorts: step.changed,
        resourceVersion,
        seenAt,
        decidedAt,
        appliedAt,
      };
      this.#options.observe?.(report as SyncReport);
      await this.#forget(proxy, step, how === 'full' && step.before.size === 0 ? keys : sliceKeys);
    }
    return isGood;
  }

  async #syncFamily(
    { family, backend }: FamilyProxy,
    { plan, changed }: PlanStep,
    how: 'full' | 'partial',
  ): Promise<boolean> {
    const state = this.#states.get(family)!;
    const { waitingSince } = state;
    const startedAt = this.#clock.now();
    state.isSuspect = false;
    state.waitingSince = 0; // what comes from now on waits for the next sync
    try {
      await backend.sync(plan, how === 'full' ? undefined : changed);
    } catch (error) {
      state.isSuspect = true;
      state.waitingSince = waitingSince || startedAt;
      this.#options.log.error(
        { family, error: (error as Error).message },
        'the kernel refused the rules; trying again',
      );
      return false;
    }
    state.syncedAt = this.#clock.now();
    if (how === 'full') this.#fullSyncMs = state.syncedAt - startedAt;
    this.#options.metrics.synced(family, how, (state.syncedAt - startedAt) / 1000, state.syncedAt);
    return true;
  }

  /** A failure here leaves clients at endpoints that are gone until their flow times out: told, but no reason to stop. */
  async #forget({ family, conntrack }: FamilyProxy, { plan }: PlanStep, keys: readonly string[]): Promise<void> {
    if (!conntrack) return;
    const touched = new Set(keys);
    const ports = [...plan.services.values()].filter(
      ({ protocol, namespace, name }) => protocol === 'UDP' && touched.has(`${namespace}/${name}`),
    );
    const serving = ports.map((port) => ({
      port,
      serving: this.#serving(port.namespace, port.name, port.portName, family),
    }));
    try {
      this.#options.metrics.forgot(family, await forgetStaleFlows(serving, conntrack));
    } catch (error) {
      this.#options.log.error({ family, error: (error as Error).message }, 'stale UDP flows could not be forgotten');
    }
  }

  #serving(namespace: string, name: string, portName: string, family: IPFamily): ReadonlySet<string> {
    const endpoints = this.#options.slices.endpoints(`${namespace}/${name}`, portName, 'UDP', family);
    return new Set(endpoints.filter((endpoint) => endpoint.serving).map(({ ip }) => ip));
  }
}
