// The loop between what changed and the kernel: syncs at once when idle, gathers what comes while a sync runs into the next
// one, repairs everything after a failure, after a foreign change, and now and then.
import { type Clock, systemClock } from '../host/clock.ts';
import type { Conntrack } from '../host/conntrack.ts';
import type { Logger } from '../host/log.ts';
import type { Backend } from './backend.ts';
import type { EndpointSliceTracker } from './changes/endpoint-slices.ts';
import type { ServiceTracker } from './changes/services.ts';
import { StaleFlows } from './conntrack.ts';
import { isolate, without } from './isolate.ts';
import type { PlanMaker, PlanStep } from './make-plan.ts';
import { type Malformed, shown } from './malformed.ts';
import type { ProxyMetrics } from './metrics.ts';
import { Newcomers } from './newcomers.ts';
import type { IPFamily, NodeFacts, Plan } from './plan.ts';
import type { Trial } from './trial.ts';

export interface FamilyProxy {
  readonly family: IPFamily;
  readonly maker: PlanMaker;
  readonly backend: Backend;
  /** Makes a place where the kernel is asked what it refuses; absent, or rejects: it is asked by what serves. */
  readonly trial?: () => Promise<Trial>;
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
  /** Called before the kernel is told; `keys` are the Services (`namespace/name`) that changed, or whose slices did. */
  readonly decided?: (family: IPFamily, step: PlanStep, keys: readonly string[]) => void;
  /** A service port is left out, because it is malformed or the kernel refuses it. */
  readonly refused?: (family: IPFamily, refusal: Malformed) => void;
  /** The kernel is as all steps so far say. */
  readonly applied?: (family: IPFamily) => void;
}

interface FamilyState {
  /** Everything has to be repaired: at start, after a failure, when someone else changed our rules. */
  isSuspect: boolean;
  /** ms since the epoch; 0: never. */
  syncedAt: number;
  /** Since when a change waits to be applied, until it is; 0: none does. */
  waitingSince: number;
  /** Since when a change waits that the sync under way knows nothing of. */
  laterSince: number;
  /** In a row. */
  failures: number;
  /** How long the last full sync, or look for drift, took. */
  lookMs: number;
  /** Looks for drift in a row that changes came in the way of. */
  unclear: number;
  /** Service ports that changed since the last success: what is refused now is among them. */
  readonly suspects: Set<string>;
  /** Service ports left out because the kernel refused them, until they change or the next full sync tries them again. */
  readonly refused: Map<string, Error>;
}

/** After so many failures in a row the service ports that are refused are looked for, and the rest is served without them. */
const PATIENCE = 2;

/**
 * A listing begins anew when rules change meanwhile: where changes come faster than a listing, no look comes to an end. It is given up
 * after so many times what it last took, ms at least, and after so many looks that told nothing everything is synced instead. So many
 * times what it takes lies between two looks at least.
 */
const LOOK = { patience: 4, leastMs: 2000, unclear: 3, spacing: 50 };

const MOST_REST_MS = 10;
const RETRY_MS = { first: 100, most: 10_000 };

export class SyncLoop {
  readonly #options: SyncOptions;
  readonly #clock: Clock;
  readonly #states = new Map<IPFamily, FamilyState>();
  #wake: (() => void) | undefined;
  #isRung = false;
  readonly #staleFlows = new Map<IPFamily, StaleFlows>();
  readonly #newcomers: Newcomers;
  /** When the last one was over. */
  #lookedAt: number;
  /** The look for drift that is under way. */
  #looking: Promise<void> | undefined;
  #seen = { resourceVersion: '', at: 0 };
  /** Times at which endpoints changed, as their slices tell: family-blind, ms since the epoch. */
  #triggers: number[] = [];

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#newcomers = new Newcomers(options.slices, this.#clock);
    this.#lookedAt = this.#clock.now();
    for (const { family, conntrack } of options.families) {
      if (conntrack) this.#staleFlows.set(family, new StaleFlows(conntrack, family, options.slices));
      this.#states.set(family, {
        isSuspect: true,
        syncedAt: 0,
        waitingSince: this.#clock.now(),
        laterSince: 0,
        failures: 0,
        lookMs: 0,
        unclear: 0,
        suspects: new Set(),
        refused: new Map(),
      });
    }
  }

  /** Something in the trackers or the node changed. `triggeredAt`: when the endpoint itself changed, if known. */
  changed(resourceVersion = '', triggeredAt?: number): void {
    const now = this.#clock.now();
    this.#seen = { resourceVersion: resourceVersion || this.#seen.resourceVersion, at: this.#seen.at || now };
    if (triggeredAt !== undefined) this.#triggers.push(triggeredAt);
    for (const [family, state] of this.#states) {
      state.waitingSince ||= now;
      state.laterSince ||= now;
      this.#options.metrics.queued(family, now);
    }
    this.#ring();
  }

  /** A Service with a selector was created; `key` is `namespace/name`. */
  added(key: string, resourceVersion = ''): void {
    if (this.#newcomers.keep(key)) this.#wake?.();
    else this.changed(resourceVersion);
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
    await this.#looking;
  }

  async #loop(signal: AbortSignal): Promise<void> {
    let retryMs = RETRY_MS.first;
    while (!signal.aborted) {
      const reason = await this.#rung(signal);
      if (signal.aborted) return;
      if (reason === 'period') {
        this.#looking ??= this.#lookForDrift(signal).finally(() => {
          this.#looking = undefined;
        });
        continue;
      }
      const startedAt = this.#clock.now();
      if (await this.#syncAll()) {
        retryMs = RETRY_MS.first;
        await this.#rest(this.#clock.now() - startedAt, signal);
        continue;
      }
      await this.#clock.sleep(retryMs, signal).catch(() => undefined); // aborted: the loop's condition ends it
      retryMs = Math.min(retryMs * 2, RETRY_MS.most);
      this.#ring();
    }
  }

  /** Where changes came during a sync, which took `ms`, more follow: they are gathered for as long as it took, but hardly felt. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung || ms === 0) return;
    await this.#clock.sleep(Math.min(ms, MOST_REST_MS), signal).catch(() => undefined); // aborted: the loop's condition ends it
  }

  /** Beside the syncs, which it does not hinder. What was refused is tried again. */
  async #lookForDrift(signal: AbortSignal): Promise<void> {
    for (const { family, backend } of this.#options.families) {
      const state = this.#states.get(family)!;
      if (state.refused.size > 0) {
        for (const id of state.refused.keys()) state.suspects.add(id);
        state.refused.clear();
        state.failures = PATIENCE; // should it be refused again, it is known whom to ask
        this.#repair(family);
        continue;
      }
      const startedAt = this.#clock.now();
      const patience = AbortSignal.timeout(Math.max(LOOK.leastMs, LOOK.patience * state.lookMs));
      const isIntact = await backend.isIntact(AbortSignal.any([signal, patience])).catch((error: Error) => {
        if (patience.aborted || signal.aborted) return undefined;
        this.#options.log.warn({ family, error: error.message }, 'the kernel cannot be asked');
        return false;
      });
      if (signal.aborted) return;
      this.#looked(family, isIntact, this.#clock.now() - startedAt);
    }
    this.#lookedAt = this.#clock.now();
  }

  #looked(family: IPFamily, isIntact: boolean | undefined, ms: number): void {
    const state = this.#states.get(family)!;
    // One that was given up would have taken longer still: the next gets more time.
    state.lookMs = isIntact === undefined ? Math.max(state.lookMs, ms) : ms;
    state.unclear = isIntact === undefined ? state.unclear + 1 : 0;
    if (isIntact) {
      state.syncedAt = this.#clock.now();
      this.#options.metrics.synced(family, 'full', ms / 1000, state.syncedAt);
    } else if (isIntact === false || state.unclear >= LOOK.unclear) this.#repair(family);
  }

  #repair(family: IPFamily): void {
    const state = this.#states.get(family)!;
    state.isSuspect = true;
    state.unclear = 0;
    this.#ring();
  }

  #suspect(family: IPFamily, why: string): void {
    // One flush is told in many pieces: the first is enough until the repair begins.
    if (!this.#states.get(family)!.isSuspect) this.#options.log.warn({ family }, why);
    this.#repair(family);
  }

  /** Looking for drift takes but a small share of the time: listing a very large table costs seconds. */
  get #periodMs(): number {
    const lookMs = [...this.#states.values()].reduce((sum, state) => sum + state.lookMs, 0);
    return Math.max(this.#options.syncPeriodMs, LOOK.spacing * lookMs);
  }

  #ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when rung, now or meanwhile, when a newcomer has waited long enough, after the sync period, or at abort. */
  async #rung(signal: AbortSignal): Promise<'change' | 'period'> {
    while (!this.#isRung && !signal.aborted) {
      const periodEnd = (this.#looking ? this.#clock.now() : this.#lookedAt) + this.#periodMs;
      await this.#pause(Math.min(periodEnd, this.#newcomers.nextAt) - this.#clock.now(), signal);
      if (this.#clock.now() >= periodEnd) return 'period';
      if (this.#clock.now() >= this.#newcomers.nextAt) this.changed();
    }
    this.#isRung = false;
    return 'change';
  }

  /** Shorter when woken or aborted. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    this.#wake = stop;
    signal.addEventListener('abort', stop, { once: true });
    await this.#clock.sleep(ms, waiting.signal).catch(() => undefined); // woken: the caller looks why
    signal.removeEventListener('abort', stop);
    this.#wake = undefined;
  }

  /** Returns whether every family's kernel state is as planned. */
  async #syncAll(): Promise<boolean> {
    const { services, slices, families } = this.#options;
    const seen = this.#seen;
    const triggers = this.#triggers;
    this.#seen = { resourceVersion: seen.resourceVersion, at: 0 };
    this.#triggers = [];
    this.#newcomers.dismiss();
    for (const state of this.#states.values()) state.laterSince = 0;
    const keys = [...services.take((key) => this.#newcomers.has(key)), ...slices.take()];
    // Plans of all families first: their makers share the trackers, whose changes were just taken.
    const steps = families.map((proxy) => ({
      proxy,
      step: proxy.maker.update(this.#options.facts(proxy.family), keys),
    }));
    for (const { proxy, step } of steps) {
      this.#staleFlows.get(proxy.family)?.note(step, keys);
      this.#options.decided?.(proxy.family, step, keys);
      for (const refusal of step.malformed) this.#leaveOut(proxy.family, refusal);
    }
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
      this.#options.applied?.(proxy.family);
      await this.#forget(proxy.family, step);
    }
    return isGood;
  }

  async #syncFamily(proxy: FamilyProxy, { plan, changed }: PlanStep, how: 'full' | 'partial'): Promise<boolean> {
    const { family, backend } = proxy;
    const state = this.#states.get(family)!;
    const startedAt = this.#clock.now();
    state.isSuspect = false;
    for (const id of changed) {
      state.suspects.add(id);
      state.refused.delete(id);
    }
    try {
      if (state.failures >= PATIENCE) await this.#isolate(proxy, plan);
      else await backend.sync(without(plan, state.refused), how === 'full' ? undefined : changed);
      state.failures = 0;
      state.suspects.clear();
      state.waitingSince = state.laterSince;
    } catch (error) {
      state.failures += 1;
      state.isSuspect = true;
      state.waitingSince ||= startedAt;
      this.#options.metrics.failed(family, how);
      this.#options.log.error(
        { family, error: (error as Error).message },
        'the kernel refused the rules; trying again',
      );
      return false;
    }
    state.syncedAt = this.#clock.now();
    if (how === 'full') {
      state.lookMs = state.syncedAt - startedAt;
      this.#lookedAt = state.syncedAt;
    }
    this.#options.metrics.synced(family, how, (state.syncedAt - startedAt) / 1000, state.syncedAt);
    return true;
  }

  async #isolate({ family, backend, trial }: FamilyProxy, plan: Plan): Promise<void> {
    const { suspects, refused } = this.#states.get(family)!;
    const place = await trial?.().catch((error: Error) => {
      this.#options.log.warn({ family, error: error.message }, 'what the kernel refuses is looked for while it serves');
      return undefined;
    });
    try {
      const found = await isolate(backend, without(plan, refused), suspects, place);
      for (const [id, error] of found) {
        refused.set(id, error);
        this.#leaveOut(family, { port: plan.services.get(id)!, why: error.message });
      }
    } finally {
      await place?.end();
    }
  }

  #leaveOut(family: IPFamily, refusal: Malformed): void {
    const { port, why } = refusal;
    const what = 'this service port is left out, all others are served';
    this.#options.log.error({ family, servicePort: shown(port.id), error: why }, what);
    this.#options.refused?.(family, refusal);
  }

  /** A failure here leaves clients at endpoints that are gone until their flow times out: told, but no reason to stop. */
  async #forget(family: IPFamily, step: PlanStep): Promise<void> {
    const { log, metrics } = this.#options;
    const staleFlows = this.#staleFlows.get(family);
    if (!staleFlows) return;
    const startedAt = this.#clock.now();
    try {
      const forgotten = await staleFlows.forget(step);
      if (forgotten.length === 0) return;
      metrics.forgot(family, forgotten.length, (this.#clock.now() - startedAt) / 1000);
      for (const { servicePort, flow } of forgotten) log.info({ family, servicePort, flow }, 'forgot a stale flow');
    } catch (error) {
      log.error({ family, error: (error as Error).message }, 'stale flows could not be forgotten');
    }
  }
}
