// One service port as map elements, and the few chains it may need of its own (client affinity, source ranges).
import { createHash } from 'node:crypto';
import { type Element, field } from '../../host/nft.ts';
import { hostCIDR, liesIn } from '../addresses.ts';
import {
  type Endpoint,
  endpointText,
  isExternallyAccessible,
  type Plan,
  reachableEndpoints,
  type ServicePort,
} from '../plan.ts';
import { externalGroup, type Group, type List, localGroup, nftFamily, spreadGroup, type Way } from './layout.ts';

export interface OwnSet {
  readonly name: string;
  readonly definition: readonly string[];
}

/** What one service port wants to be in the table. Maps and sets by name; key text → element. */
export interface ServiceState {
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, Element>>;
  /** Elements that other service ports may want too: they are counted. */
  readonly counted: ReadonlyMap<string, ReadonlyMap<string, Element>>;
  /** Shared between services, never removed. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Its own chains, each before those that go to it. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly sets: ReadonlyMap<string, OwnSet>;
}

/** A place where the service port is reached: `10.96.0.20 . tcp . 80`, or `tcp . 30080` for a node port. */
export type Frontend = readonly (string | number)[];

export function frontendsOf(port: ServicePort): Frontend[] {
  const protocol = port.protocol.toLowerCase();
  const ips = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerIPs];
  const byAddress = [...new Set(ips)].map((ip) => [ip, protocol, port.port] as const);
  return port.nodePort > 0 ? [...byAddress, [protocol, port.nodePort]] : byAddress;
}

/** `owns` tells whether a frontend is this service port's: of two that claim the same one, the first has it. */
export function serviceState(port: ServicePort, plan: Plan, owns: (frontend: Frontend) => boolean): ServiceState {
  return new StateMaker(port, plan).make(owns);
}

class StateMaker {
  readonly #port: ServicePort;
  readonly #plan: Plan;
  readonly #elements = new Map<string, Map<string, Element>>();
  readonly #counted = new Map<string, Map<string, Element>>();
  readonly #groups = new Map<string, Group>();
  readonly #chains = new Map<string, readonly string[]>();
  readonly #sets = new Map<string, OwnSet>();

  constructor(port: ServicePort, plan: Plan) {
    this.#port = port;
    this.#plan = plan;
  }

  make(owns: (frontend: Frontend) => boolean): ServiceState {
    const port = this.#port;
    const protocol = port.protocol.toLowerCase();
    for (const frontend of frontendsOf(port)) {
      if (!owns(frontend)) continue;
      if (frontend.length === 2) this.#external('nodeport', frontend);
      else if (frontend[0] === port.clusterIP) this.#internal(frontend);
      else this.#external('ip', frontend);
    }
    this.#element(this.#counted, 'cluster-ips', { key: [port.clusterIP] });
    for (const { ip, isLocal } of reachableEndpoints(port)) {
      if (isLocal) this.#element(this.#counted, 'hairpin', { key: [ip, ip] });
    }
    this.#firewall(protocol);
    return {
      elements: this.#elements,
      counted: this.#counted,
      groups: this.#groups,
      chains: this.#chains,
      sets: this.#sets,
    };
  }

  #element(where: Map<string, Map<string, Element>>, set: string, element: Element): void {
    const elements = where.get(set) ?? new Map<string, Element>();
    elements.set(element.key.join(' . '), element);
    where.set(set, elements);
  }

  #need(group: Group): Group {
    for (const needed of group.needs) this.#need(needed);
    this.#groups.set(group.name, group);
    return group;
  }

  #internal(frontend: Frontend): void {
    const { internalTrafficPolicy, localEndpoints, clusterEndpoints, hasEndpoints } = this.#port;
    const endpoints = internalTrafficPolicy === 'Local' ? localEndpoints : clusterEndpoints;
    if (!hasEndpoints || endpoints.length === 0) {
      this.#refuse('ip', frontend);
      return;
    }
    const target = this.#spread('ip', 'endpoints', endpoints, frontend);
    this.#element(this.#elements, 'service-ips', { key: frontend, value: [`goto ${target.name}`] });
  }

  #external(way: Way, frontend: Frontend): void {
    const { externalTrafficPolicy, localEndpoints, clusterEndpoints, hasEndpoints } = this.#port;
    const isLocalOnly = externalTrafficPolicy === 'Local';
    if (!hasEndpoints || (isLocalOnly && localEndpoints.length === 0)) this.#refuse(way, frontend);
    if (!hasEndpoints) return;
    const target = isLocalOnly
      ? this.#localTarget(way, frontend, clusterEndpoints, localEndpoints)
      : this.#shared(externalGroup(this.#spread(way, 'endpoints', clusterEndpoints, frontend)));
    const map = way === 'ip' ? 'service-ips' : 'service-nodeports';
    this.#element(this.#elements, map, { key: frontend, value: [`goto ${target.name}`] });
  }

  #localTarget(way: Way, frontend: Frontend, all: readonly Endpoint[], here: readonly Endpoint[]): Group {
    const short = all.length > 0 ? this.#spread(way, 'short', all, frontend) : undefined;
    const own = here.length > 0 ? this.#spread(way, 'endpoints', here, frontend) : undefined;
    const { family, node } = this.#plan;
    const name =
      this.#port.affinitySeconds > 0
        ? `local-${this.#hash('')}`
        : `${way === 'nodeport' ? 'nodeport-' : ''}local-${short ? all.length : 0}-${own ? here.length : 0}`;
    return this.#shared(localGroup(name, { family, node, short, own }));
  }

  /** Chains that lead to a service's own chains are its own too, and go with it. */
  #shared(group: Group): Group {
    if (this.#port.affinitySeconds === 0) return this.#need(group);
    this.#chains.set(group.name, group.rules);
    return group;
  }

  /** A way to one of `endpoints`: by elements in the map of their count, or by own chains when clients stay with theirs. */
  #spread(way: Way, list: List, endpoints: readonly Endpoint[], frontend: Frontend): Group {
    if (this.#port.affinitySeconds > 0) return this.#sticky(endpoints);
    const group = spreadGroup(this.#plan.family, way, list, endpoints.length);
    for (const [at, { ip, port }] of endpoints.entries()) {
      this.#element(this.#elements, group.name, { key: [...frontend, at], value: [ip, port] });
    }
    return this.#need(group);
  }

  #hash(more: string): string {
    return createHash('sha256').update(`${this.#port.id} ${this.#port.protocol} ${more}`).digest('hex').slice(0, 16);
  }

  /**
   * Own chains: a set per endpoint remembers its clients, and whoever is in one goes there again. Those of policy Local and those of
   * policy Cluster have a chain each, and share what they have of endpoints.
   */
  #sticky(endpoints: readonly Endpoint[]): Group {
    const ip = nftFamily(this.#plan.family);
    const protocol = this.#port.protocol.toLowerCase();
    const name = `sticky-${endpoints === this.#port.localEndpoints ? 'local' : 'cluster'}-${this.#hash('')}`;
    const chains = endpoints.map((endpoint) => {
      const own = `sticky-endpoint-${this.#hash(endpointText(endpoint))}`;
      const type = this.#plan.family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
      this.#sets.set(own, {
        name: own,
        definition: [`type ${type}`, 'flags dynamic,timeout', `timeout ${field(this.#port.affinitySeconds)}s`],
      });
      const update = `update @${own} { ${ip} saddr }`;
      const to = { ip: field(endpoint.ip), port: Number(field(endpoint.port)) };
      const dnat = `meta l4proto ${field(protocol)} dnat ${ip} to ${endpointText(to)}`;
      this.#chains.set(own, [update, dnat]);
      return own;
    });
    const spread = chains.map((chain, at) => `${at} : goto ${chain}`).join(', ');
    this.#chains.set(name, [
      ...chains.map((chain) => `${ip} saddr @${chain} goto ${chain}`),
      `numgen random mod ${chains.length} vmap { ${spread} }`,
    ]);
    return { name, rules: [], needs: [] };
  }

  /** No endpoint anywhere: say so at once. None here: drop, for another node may serve. */
  #refuse(way: Way, frontend: Frontend): void {
    const map = way === 'ip' ? 'no-endpoint-services' : 'no-endpoint-nodeports';
    const verdict = this.#port.hasEndpoints ? 'drop' : 'goto reject-chain';
    this.#element(this.#elements, map, { key: frontend, value: [verdict] });
  }

  #firewall(protocol: string): void {
    const { hasEndpoints, loadBalancerIPs, loadBalancerSourceRanges } = this.#port;
    const isFenced = hasEndpoints && isExternallyAccessible(this.#port) && loadBalancerSourceRanges.length > 0;
    if (!isFenced || loadBalancerIPs.length === 0) return;
    const ip = nftFamily(this.#plan.family);
    // A node inside the ranges reaches the load balancer's IP from that very IP, when it is bound to an interface here.
    const fromHere = this.#plan.node.nodeIPs.some((nodeIP) => liesIn(nodeIP, loadBalancerSourceRanges));
    const sources = [...loadBalancerSourceRanges, ...(fromHere ? loadBalancerIPs.map(hostCIDR) : [])];
    const chain = `firewall-${this.#hash('')}`;
    this.#chains.set(chain, [...sources.map((source) => `${ip} saddr ${field(source)} return`), 'drop']);
    for (const lb of loadBalancerIPs) {
      this.#element(this.#elements, 'firewall-ips', { key: [lb, protocol, this.#port.port], value: [`goto ${chain}`] });
    }
  }
}
