// The cloud's load balancer: follows Services and Nodes, asks the nodes for their health, and keeps the rules of the namespace that
// all outside traffic crosses.
import type { Node, Service } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { nodes, services } from '../../client/resources.ts';
import { Bell } from '../../host/bell.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Nft } from '../../host/nft.ts';
import { addressesFor, type Listener, listenersOf, targetsOf } from './listeners.ts';
import { type Check, NodeHealth } from './node-health.ts';
import { balancerRules } from './rules.ts';

export interface BalancerOptions {
  readonly client: Client;
  /** Works in the namespace where the balancer is. */
  readonly nft: Nft;
  /** CIDRs of the clients whose replies come back through the balancer by themselves, one of each address family at most. */
  readonly outside: readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
}

const RETRY_MS = 1000;

/** Runs until `signal` aborts. */
export async function runBalancer(options: BalancerOptions, signal: AbortSignal): Promise<void> {
  const { client, nft, outside, log, clock = systemClock } = options;
  const serviceCache = new Informer<Service>({ client, resource: services, clock, log });
  const nodeCache = new Informer<Node>({ client, resource: nodes, clock, log });
  const bell = new Bell();
  const ring = (): void => bell.ring();
  const handlers = { add: ring, update: ring, delete: ring };
  serviceCache.addHandlers(handlers);
  nodeCache.addHandlers(handlers);

  const listeners = (): Listener[] => listenersOf(serviceCache.list());
  const health = new NodeHealth(ring);
  const checks = (): Check[] => {
    const ports = new Set(listeners().map(({ healthPort }) => healthPort));
    return targetsOf(nodeCache.list()).flatMap(([node]) => [...ports].map((port) => ({ node, port })));
  };

  async function apply(): Promise<void> {
    let applied = '';
    while (!signal.aborted) {
      await bell.rung(signal);
      const targets = targetsOf(nodeCache.list());
      const routes = listeners().map((listener) => {
        const healthy = targets.filter(([node]) => health.isHealthy({ node, port: listener.healthPort }));
        return { listener, targets: addressesFor(listener, healthy) };
      });
      const rules = outside.map((cidr) => balancerRules(routes, cidr)).join('');
      if (rules === applied || signal.aborted) continue;
      try {
        await nft.apply(rules);
        applied = rules;
      } catch (error) {
        log.error({ error: (error as Error).message }, 'the load balancer has no new rules; trying again');
        await clock.sleep(RETRY_MS, signal).catch(() => undefined); // aborted: the loop's condition ends it
        bell.ring();
      }
    }
  }

  await Promise.all([serviceCache.run(signal), nodeCache.run(signal), health.run(checks, clock, signal), apply()]);
  await nft.close();
}
