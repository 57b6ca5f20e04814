// Keeps the node's rules as the NetworkPolicies want them. Nothing is watched but policies until the first one exists: a cluster
// without them pays nothing.
import type { KubeObject } from '../../api/object.ts';
import type { Client, Resource } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { namespaces, networkPolicies, pods } from '../../client/resources.ts';
import { Bell } from '../../host/bell.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import { aborted } from '../../host/lifecycle.ts';
import type { Logger } from '../../host/log.ts';
import { Nft, type NftTransaction } from '../../host/nft.ts';
import { type IPFamily, type PolicyPlan, type PolicyState, planPolicies } from './plan.ts';
import { changesOf, noTable, wholeTable } from './rules.ts';

export interface PolicyOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly nft?: Nft;
}

const FAMILIES: readonly IPFamily[] = ['IPv4', 'IPv6'];
const RETRY_MS = 500;

/** Runs until `signal` aborts. The rules stay: a node whose agent starts again must not be open meanwhile. */
export async function enforcePolicies(options: PolicyOptions, signal: AbortSignal): Promise<void> {
  const { client, nodeName, log, clock = systemClock, nft = new Nft() } = options;
  const bell = new Bell();
  const follow = <T extends KubeObject>(resource: Resource<T>): Informer<T> => {
    const cache = new Informer<T>({ client, resource, clock, log });
    const ring = (): void => bell.ring();
    cache.addHandlers({ add: ring, update: ring, delete: ring });
    return cache;
  };
  const caches = { policies: follow(networkPolicies), namespaces: follow(namespaces), pods: follow(pods) };
  const rules = new PolicyRules(nft);

  async function apply(): Promise<void> {
    const policies = caches.policies.list();
    if (policies.length === 0) return rules.remove();
    await Promise.race([Promise.all([caches.namespaces.synced(), caches.pods.synced()]), aborted(signal)]);
    if (signal.aborted) return;
    await rules.apply({ nodeName, policies, namespaces: caches.namespaces.list(), pods: caches.pods.list() });
  }

  async function keep(): Promise<void> {
    await Promise.race([caches.policies.synced(), aborted(signal)]);
    while (!signal.aborted) {
      try {
        await apply();
        await bell.rung(signal);
      } catch (error) {
        log.error({ error: (error as Error).message }, 'network policies are not in force; trying again');
        await clock.sleep(RETRY_MS, signal).catch(() => undefined); // aborted: the loop's condition ends it
      }
    }
  }

  async function followOthers(): Promise<void> {
    const firstPolicy = new Promise<void>((resolve) => caches.policies.addHandlers({ add: () => resolve() }));
    await Promise.race([firstPolicy, aborted(signal)]);
    if (!signal.aborted) await Promise.all([caches.namespaces.run(signal), caches.pods.run(signal)]);
  }

  await Promise.all([caches.policies.run(signal), followOthers(), keep()]);
  await nft.close();
}

/** The tables of both address families, and what is known to be in them. */
class PolicyRules {
  readonly #nft: Nft;
  /** Absent: not known, after a failure and at the start. */
  readonly #applied = new Map<IPFamily, PolicyPlan | 'no table'>();

  constructor(nft: Nft) {
    this.#nft = nft;
  }

  async apply(state: PolicyState): Promise<void> {
    for (const family of FAMILIES) {
      const plan = planPolicies(state, family);
      const held = this.#applied.get(family);
      const isKnown = held !== undefined && held !== 'no table';
      await this.#commit(family, isKnown ? changesOf(held, plan, family) : wholeTable(plan, family), plan);
    }
  }

  async remove(): Promise<void> {
    for (const family of FAMILIES) {
      if (this.#applied.get(family) !== 'no table') await this.#commit(family, noTable(family), 'no table');
    }
  }

  async #commit(family: IPFamily, tx: NftTransaction, result: PolicyPlan | 'no table'): Promise<void> {
    this.#applied.delete(family); // until the kernel has taken it
    for (const text of tx.render()) await this.#nft.apply(text);
    this.#applied.set(family, result);
  }
}
