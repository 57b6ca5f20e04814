// The rules of one service port, in upstream's chains, words and order (v1.36 pkg/proxy/iptables/proxier.go): chains of its
// own in table nat, and its share of the chains that hold rules of all services.
import { type Match, type Rule, ruleText } from '../../host/iptables.ts';
import { hostCIDR, liesIn } from '../addresses.ts';
import type { DetectLocal, Endpoint, NodeFacts, Plan, ServicePort } from '../plan.ts';
import { endpointText, isExternallyAccessible, reachableEndpoints } from '../plan.ts';
import { endpointChain, protocolOf, type ServiceChains, serviceChains } from './names.ts';

/** Chains that hold rules of many services, by table. */
export type SharedChain =
  | 'nat KUBE-SERVICES'
  | 'nat KUBE-NODEPORTS'
  | 'filter KUBE-SERVICES'
  | 'filter KUBE-EXTERNAL-SERVICES'
  | 'filter KUBE-NODEPORTS'
  | 'filter KUBE-PROXY-FIREWALL';

export interface ServiceRules {
  /** Own chains of table nat; a chain stands before those that jump to it. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly shared: ReadonlyMap<SharedChain, readonly string[]>;
}

export interface RenderOptions {
  /** False in large clusters: rules of service and endpoint chains then go without comments, as upstream's. */
  readonly withComments: boolean;
  /** Whether this kernel counts packets in named objects (`nfacct`). */
  readonly nfacct: boolean;
}

export const MARK_MASQUERADE = 'KUBE-MARK-MASQ';

export function renderService(port: ServicePort, plan: Plan, options: RenderOptions): ServiceRules {
  return new ServiceRenderer(port, plan, options).render();
}

class ServiceRenderer {
  readonly #port: ServicePort;
  readonly #plan: Plan;
  readonly #options: RenderOptions;
  readonly #names: ServiceChains;
  readonly #chains = new Map<string, string[]>();
  readonly #shared = new Map<SharedChain, string[]>();

  constructor(port: ServicePort, plan: Plan, options: RenderOptions) {
    this.#port = port;
    this.#plan = plan;
    this.#options = options;
    this.#names = serviceChains(port);
  }

  render(): ServiceRules {
    this.#endpoints();
    this.#policies();
    this.#external();
    this.#firewall();
    this.#clusterIP();
    this.#externalAddresses();
    this.#nodePort();
    return { chains: this.#chains, shared: this.#shared };
  }

  get #node(): NodeFacts {
    return this.#plan.node;
  }

  get #hasInternal(): boolean {
    const { hasEndpoints, internalTrafficPolicy, localEndpoints } = this.#port;
    return hasEndpoints && (internalTrafficPolicy === 'Cluster' || localEndpoints.length > 0);
  }

  get #hasExternal(): boolean {
    const { hasEndpoints, externalTrafficPolicy, localEndpoints } = this.#port;
    return hasEndpoints && (externalTrafficPolicy === 'Cluster' || localEndpoints.length > 0);
  }

  get #isFenced(): boolean {
    const { hasEndpoints, loadBalancerIPs, loadBalancerSourceRanges } = this.#port;
    return hasEndpoints && loadBalancerIPs.length > 0 && loadBalancerSourceRanges.length > 0;
  }

  #own(chain: string, rule: Rule): void {
    const rules = this.#chains.get(chain) ?? [];
    rules.push(ruleText(rule));
    this.#chains.set(chain, rules);
  }

  #share(chain: SharedChain, rule: Rule): void {
    const rules = this.#shared.get(chain) ?? [];
    rules.push(ruleText(rule));
    this.#shared.set(chain, rules);
  }

  /** The comment of a rule in a service's or endpoint's chain. */
  #quiet(comment: string): Match[] {
    return this.#options.withComments ? [{ comment }] : [];
  }

  /** Packets to `ip` at the service's port. */
  #to(ip: string, comment: Match[]): Rule {
    const protocol = protocolOf(this.#port);
    return { destination: hostCIDR(ip), protocol, matches: [...comment, { protocol, dport: this.#port.port }] };
  }

  #endpoints(): void {
    const protocol = protocolOf(this.#port);
    const comment = this.#quiet(this.#port.id);
    for (const endpoint of reachableEndpoints(this.#port)) {
      const chain = endpointChain(this.#port, endpoint);
      const recent: Match[] =
        this.#port.affinitySeconds > 0 ? [{ recent: { name: chain, set: true }, family: this.#familyNumber }] : [];
      // A pod that reaches itself through its service must see the node's address, or it would answer itself.
      this.#own(chain, { source: hostCIDR(endpoint.ip), matches: comment, target: { jump: MARK_MASQUERADE } });
      const matches = [...comment, ...recent, { protocol }];
      this.#own(chain, { protocol, matches, target: { dnat: endpointText(endpoint) } });
    }
  }

  get #familyNumber(): 4 | 6 {
    return this.#plan.family === 'IPv4' ? 4 : 6;
  }

  #policies(): void {
    const { id, clusterIP, clusterEndpoints, localEndpoints, internalTrafficPolicy } = this.#port;
    if (this.#hasInternal) {
      const chain = internalTrafficPolicy === 'Local' ? this.#names.local : this.#names.service;
      const outsiders = this.#node.masqueradeAll ? {} : notLocal(this.#node.detectLocal);
      const to = this.#to(clusterIP, [{ comment: `${id} cluster IP` }]);
      if (outsiders) this.#own(chain, { ...to, ...outsiders, target: { jump: MARK_MASQUERADE } });
    }
    this.#balance(this.#names.service, clusterEndpoints);
    this.#balance(this.#names.local, localEndpoints);
  }

  #balance(chain: string, endpoints: readonly Endpoint[]): void {
    const { id, affinitySeconds } = this.#port;
    const comment = (endpoint: Endpoint): Match[] => this.#quiet(`${id} -> ${endpointText(endpoint)}`);
    if (affinitySeconds > 0) {
      for (const endpoint of endpoints) {
        const name = endpointChain(this.#port, endpoint);
        const recent: Match = { recent: { name, seconds: affinitySeconds }, family: this.#familyNumber };
        this.#own(chain, { matches: [...comment(endpoint), recent], target: { jump: name } });
      }
    }
    for (const [at, endpoint] of endpoints.entries()) {
      const left = endpoints.length - at;
      const chance: Match[] = left > 1 ? [{ probability: 1 / left }] : [];
      const target = { jump: endpointChain(this.#port, endpoint) };
      this.#own(chain, { matches: [...comment(endpoint), ...chance], target });
    }
  }

  #external(): void {
    const { id, hasEndpoints, externalTrafficPolicy } = this.#port;
    if (!hasEndpoints || !isExternallyAccessible(this.#port)) return;
    const { external, service, local } = this.#names;
    const destinations = `${id} external destinations`;
    if (externalTrafficPolicy === 'Cluster') {
      const comment = `masquerade traffic for ${destinations}`;
      this.#own(external, { matches: [{ comment }], target: { jump: MARK_MASQUERADE } });
      this.#own(external, { target: { jump: service } });
      return;
    }
    const pods = isLocal(this.#node.detectLocal);
    if (pods) {
      const comment = `pod traffic for ${destinations}`;
      this.#own(external, { ...pods, matches: [{ comment }], target: { jump: service } });
    }
    for (const [verb, jump] of [
      ['masquerade', MARK_MASQUERADE],
      ['route', service],
    ]) {
      const comment = `${verb} LOCAL traffic for ${destinations}`;
      this.#own(external, { matches: [{ comment }, { addrtype: 'src' }], target: { jump } });
    }
    if (this.#hasExternal) this.#own(external, { target: { jump: local } });
  }

  #firewall(): void {
    if (!this.#isFenced) return;
    const { id, loadBalancerIPs, loadBalancerSourceRanges } = this.#port;
    const { firewall, external } = this.#names;
    const matches = [{ comment: `${id} loadbalancer IP` }];
    // A node inside the ranges reaches the load balancer's IP from that very IP, when it is bound to an interface here.
    const fromHere = this.#node.nodeIPs.some((ip) => liesIn(ip, loadBalancerSourceRanges));
    const sources = [...loadBalancerSourceRanges, ...(fromHere ? loadBalancerIPs.map(hostCIDR) : [])];
    for (const source of sources) this.#own(firewall, { source, matches, target: { jump: external } });
    const comment = `other traffic to ${id} will be dropped by KUBE-PROXY-FIREWALL`;
    this.#own(firewall, { matches: [{ comment }] });
  }

  #clusterIP(): void {
    const { id, clusterIP, internalTrafficPolicy } = this.#port;
    if (!this.#hasInternal) {
      this.#share('filter KUBE-SERVICES', this.#refuse(this.#to(clusterIP, [{ comment: this.#whyRefused }])));
      return;
    }
    const jump = internalTrafficPolicy === 'Local' ? this.#names.local : this.#names.service;
    const to = this.#to(clusterIP, [{ comment: `${id} cluster IP` }]);
    this.#share('nat KUBE-SERVICES', { ...to, target: { jump } });
  }

  #externalAddresses(): void {
    const { id, hasEndpoints, externalIPs, loadBalancerIPs } = this.#port;
    const { external, firewall } = this.#names;
    const jumpTo = (ip: string, what: string, jump: string): void => {
      if (!hasEndpoints) return;
      this.#share('nat KUBE-SERVICES', { ...this.#to(ip, [{ comment: `${id} ${what}` }]), target: { jump } });
    };
    for (const ip of externalIPs) jumpTo(ip, 'external IP', external);
    for (const ip of loadBalancerIPs) jumpTo(ip, 'loadbalancer IP', this.#isFenced ? firewall : external);
    if (this.#isFenced) {
      const comment = `${id} traffic not accepted by ${firewall}`;
      for (const ip of loadBalancerIPs) {
        this.#share('filter KUBE-PROXY-FIREWALL', { ...this.#to(ip, [{ comment }]), target: DROP });
      }
    }
    if (this.#hasExternal) return;
    for (const ip of [...externalIPs, ...loadBalancerIPs]) {
      const to = this.#to(ip, [{ comment: this.#whyRefused }]);
      this.#share('filter KUBE-EXTERNAL-SERVICES', this.#refuse(to));
    }
  }

  #nodePort(): void {
    const { id, nodePort, hasEndpoints, healthCheckNodePort } = this.#port;
    const protocol = protocolOf(this.#port);
    if (nodePort > 0 && hasEndpoints) {
      const matches: Match[] = [{ comment: id }, { protocol, dport: nodePort }];
      const target = { jump: this.#names.external };
      if (this.#options.nfacct && this.#plan.family === 'IPv4' && this.#node.localhostNodePorts) {
        const counted = [...matches, { nfacct: 'localhost_nps_accepted_pkts' }];
        this.#share('nat KUBE-NODEPORTS', { destination: '127.0.0.0/8', protocol, matches: counted, target });
      }
      this.#share('nat KUBE-NODEPORTS', { protocol, matches, target });
    }
    if (nodePort > 0 && !this.#hasExternal) {
      const matches: Match[] = [{ comment: this.#whyRefused }, { addrtype: 'dst' }, { protocol, dport: nodePort }];
      this.#share('filter KUBE-EXTERNAL-SERVICES', this.#refuse({ protocol, matches }));
    }
    if (healthCheckNodePort > 0) {
      const matches: Match[] = [
        { comment: `${id} health check node port` },
        { protocol: 'tcp', dport: healthCheckNodePort },
      ];
      this.#share('filter KUBE-NODEPORTS', { protocol: 'tcp', matches, target: ACCEPT });
    }
  }

  get #whyRefused(): string {
    return this.#port.hasEndpoints ? `${this.#port.id} has no local endpoints` : `${this.#port.id} has no endpoints`;
  }

  /** No endpoint anywhere: say so at once. None here: drop, for another node may serve. */
  #refuse(rule: Rule): Rule {
    if (this.#port.hasEndpoints) return { ...rule, target: DROP };
    const reject = this.#plan.family === 'IPv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
    return { ...rule, target: { reject } };
  }
}

const DROP = { jump: 'DROP' } as const;
const ACCEPT = { jump: 'ACCEPT' } as const;

/** What tells a packet of a local pod; undefined when nothing does. */
function isLocal(detect: DetectLocal): Pick<Rule, 'source' | 'inInterface'> | undefined {
  switch (detect.mode) {
    case 'ClusterCIDR':
    case 'NodeCIDR':
      return { source: detect.cidr };
    case 'BridgeInterface':
      return { inInterface: detect.interfaceName };
    case 'InterfaceNamePrefix':
      return { inInterface: `${detect.prefix}+` };
    case 'None':
      return undefined;
  }
}

function notLocal(detect: DetectLocal): Pick<Rule, 'source' | 'inInterface'> | undefined {
  const local = isLocal(detect);
  if (!local) return undefined;
  return local.source ? { source: `!${local.source}` } : { inInterface: `!${local.inInterface}` };
}
